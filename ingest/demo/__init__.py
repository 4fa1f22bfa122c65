"""The recorded evening: a county's sale as the platforms' own frames, replayed through the real doors.

Promises: one seed always gives the same recording, byte for byte; the frames are made as the platforms make them, by
code that shares nothing with the adapters that read them; and no figure of the sale stands anywhere in a recording, so
what comes out at the end was counted by the engine. Exports nothing: `sellthrough demo` is the way in
(`ingest.demo.cli`), `python -m ingest.demo.evening` writes a recording.
"""

"""The engine: claims, holds, waitlist, presale, draws and tallies, atomic and durable on Valkey.

Promises: never sells a unit twice, never loses what it acknowledged, answers the same id the same. It knows nothing of
platforms, HTTP or files; nothing of the product is imported here.
"""

"""Load tests that a service has to survive before the show, and a verdict on whether its books did.

Promises: talks to a running service over HTTP and WebSocket alone and imports nothing of the product; ends by itself,
bounded in time and in claims; every answer is written down and compared with the books. `python -m loadtest.burst`
runs it; `loadtest.verifier` judges.
"""

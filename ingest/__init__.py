"""The service: doors (HTTP, WebSocket, webhooks), the pipeline from events to claims, access, and the command line.

Promises: nothing is acknowledged before it is durable; every error is a problem document (RFC 9457) in plain words.
"""

"""OPA's REST interface over documents and policies: an ASGI application, and the server that runs it.

Status codes, texts and the order of keys are those of OPA 1.22; what differs is in ``docs/reference/http.md``.
"""

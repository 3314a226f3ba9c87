"""What OPA's users know around the language: loading files, documents, watching, the REPL, the REST API.

Stands on ``rego`` alone; knows nothing of images, and is the only place beside adapters that reads policy files.
"""

"""Servers that facts are sent to, a file each. Nothing here knows what the documents mean."""

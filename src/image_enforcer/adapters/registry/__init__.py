"""Registries over HTTP: credentials, tokens, rates and addresses are a file each; ``client`` is the port's adapter.

Nothing of another port may live here, and nothing outside this folder speaks to registries.
"""

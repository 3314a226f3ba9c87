"""image-enforcer: Rego policies decide which container images may run in a cluster."""

__version__ = "0.1.0"

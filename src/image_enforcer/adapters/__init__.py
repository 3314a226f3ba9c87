"""All I/O: one folder per port, one file per implementation. Adapters know ports and below, never services."""

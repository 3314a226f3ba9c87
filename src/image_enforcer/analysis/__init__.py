"""Pure functions on values and bytes: reading reviews and references. No I/O, no clock."""

"""Planning: checked policies become instructions that say exactly what is looked up, scanned and called.

The plan is typed and printable; it knows no Python code and evaluates nothing. Here is decided what is bound when,
which documents a query can reach, and where only the keys in question are asked for.
"""

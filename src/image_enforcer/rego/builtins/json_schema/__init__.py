"""JSON Schema, drafts 4, 6 and 7, as the library in OPA understands them."""

"""GraphQL as the library in OPA understands it: its trees, its rules and its words."""

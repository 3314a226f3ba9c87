"""The revisions. They say everything themselves and import nothing of the schema, which moves on without them."""

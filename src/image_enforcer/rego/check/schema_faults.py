"""What is wrong with a schema. It stands alone, since few policies have schemas and reading them needs much."""


class BadSchema(Exception):
    """A schema that is none, or that no type can be made of."""

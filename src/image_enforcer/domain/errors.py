"""The root of the product's errors."""


class EnforcerError(Exception):
    """Something that the product cannot do, with a text that says what to do about it."""

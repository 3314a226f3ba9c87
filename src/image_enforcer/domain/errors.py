"""The root of the product's errors. Each port has a family below it; each message says what to do next."""


class EnforcerError(Exception):
    """Something that the product cannot do, with a text that says what to do about it."""

"""The sample policies and data as package resources: what `init` writes and the demonstration plays.

Nothing but the two folders `policies` and `data` lives here; their sources are the folders of the same name at the
root of the repository.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable


def policies() -> Traversable:
    """The folder of sample policies, their tests and the mock reviews."""
    return files(__name__) / "policies"


def data() -> Traversable:
    """The folder of sample data: Docker manifests and Clair documents."""
    return files(__name__) / "data"

"""What an image string refers to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Repository:
    """A place in a registry that holds the versions of one image. ``registry`` is a host with an optional port."""

    registry: str
    path: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """A normalised reference. ``tag`` is None where a digest was given without one; ``digest`` is ``algorithm:hex``."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def home(self) -> Repository:
        """The repository that it is looked up in."""
        return Repository(registry=self.registry, path=self.repository)

    def __str__(self) -> str:
        text = f"{self.registry}/{self.repository}"
        if self.tag is not None:
            text += f":{self.tag}"
        return f"{text}@{self.digest}" if self.digest is not None else text

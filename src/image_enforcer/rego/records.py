"""Values like those of :mod:`dataclasses`, for what is imported by every command: nothing is made before it is used.

``dataclasses`` alone takes longer to import than a small query to be answered. :func:`record` understands ``frozen``
and ``kw_only``, always makes slots, and fields may have defaults; who asks for ``__dataclass_fields__``, as
``dataclasses.replace`` does, gets them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as record
    from dataclasses import field
    from typing import Any
else:

    def field(*, default_factory: Callable[[], Any]) -> Fresh:
        """A field whose default is made anew for each value."""
        return Fresh(default_factory)

    def record(*, frozen: bool = False, slots: bool = True, kw_only: bool = False) -> Callable[[type], type]:
        """A decorator that makes a class with annotations a class of values."""
        assert slots

        def made(cls: type) -> type:
            return _record(cls, frozen, kw_only)

        return made


class Fresh:
    """A default that is made anew for each value."""

    def __init__(self, default_factory: Callable[[], Any]) -> None:
        self.default_factory = default_factory


def _record(cls: type, frozen: bool, kw_only: bool) -> type:
    names = tuple(vars(cls).get("__annotations__", {}))
    members = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__")}
    defaults = {name: members.pop(name) for name in names if name in members}
    members |= {"__slots__": names, "__match_args__": () if kw_only else names}
    made: Any = type(cls)(cls.__name__, cls.__bases__, members)
    made.__qualname__ = cls.__qualname__
    lazy: dict[str, Callable[[], Any]] = {
        "__init__": lambda: _init(made, names, defaults, frozen, kw_only),
        "__repr__": lambda: _repr(names),
        "__eq__": lambda: _eq(names),
    }
    if frozen:
        lazy["__hash__"] = lambda: _hash(names)
        made.__setattr__ = made.__delattr__ = _refuse
        made.__setstate__ = _restore
    elif "__eq__" not in cls.__dict__:
        made.__hash__ = None
    for name, make in lazy.items():
        if name not in cls.__dict__ or (name == "__hash__" and cls.__dict__[name] is None):
            setattr(made, name, _at_first(made, name, make))
    made.__dataclass_fields__ = _Fields(names, defaults, frozen, kw_only)
    return made  # type: ignore[no-any-return]  # made from the class that came in


def _at_first(cls: Any, name: str, make: Callable[[], Any]) -> Any:
    """A method that puts the real one in its place when it is first called."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        real = make()
        real.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, real)
        return real(self, *args, **kwargs)

    return method


def _init(cls: Any, names: tuple[str, ...], defaults: dict[str, Any], frozen: bool, kw_only: bool) -> Any:
    made = {n: d.default_factory for n, d in defaults.items() if isinstance(d, Fresh)}
    parameters = [f"{n}=D[{n!r}]" if n in defaults else n for n in names]
    lines = [f" if {n} is D[{n!r}]: {n} = F[{n!r}]()" for n in made]
    lines += [f" S{i}(self, {n})" if frozen else f" self.{n} = {n}" for i, n in enumerate(names)]
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    star = ["*"] if kw_only and names else []
    text = f"def __init__({', '.join(['self', *star, *parameters])}):\n" + "\n".join(lines or [" pass"])
    space = {"D": defaults, "F": made, **{f"S{i}": cls.__dict__[n].__set__ for i, n in enumerate(names)}}
    exec(text, space)  # noqa: S102 - our own text: the names of a class of ours
    return space["__init__"]


def _repr(names: tuple[str, ...]) -> Any:
    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes that method
        return f"{type(self).__qualname__}({', '.join([f'{n}={getattr(self, n)!r}' for n in names])})"

    return __repr__


def _eq(names: tuple[str, ...]) -> Any:
    def __eq__(self: Any, other: object) -> bool:  # noqa: N807 - it becomes that method
        if other.__class__ is not self.__class__:
            return NotImplemented
        return tuple([getattr(self, n) for n in names]) == tuple([getattr(other, n) for n in names])

    return __eq__


def _hash(names: tuple[str, ...]) -> Any:
    def __hash__(self: Any) -> int:  # noqa: N807 - it becomes that method
        return hash(tuple([getattr(self, n) for n in names]))

    return __hash__


def _refuse(_self: Any, name: str, *_: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _restore(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    """What a copy is made from."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


class _Fields:
    """The fields as ``dataclasses`` describes them, made when someone asks."""

    __slots__ = ("_made", "_make")

    def __init__(self, names: tuple[str, ...], defaults: dict[str, Any], frozen: bool, kw_only: bool) -> None:
        self._make = (names, defaults, frozen, kw_only)
        self._made: Any = None

    def __get__(self, instance: object, owner: type) -> Any:
        if self._made is None:
            import dataclasses

            names, given, frozen, kw_only = self._make
            defaults = {
                n: dataclasses.field(default_factory=d.default_factory) if isinstance(d, Fresh) else d
                for n, d in given.items()
            }
            twin = type(
                owner.__name__, (), {"__annotations__": {n: owner.__annotations__[n] for n in names}, **defaults}
            )
            made: Any = dataclasses.dataclass(frozen=frozen, kw_only=kw_only)(twin)
            self._made = made.__dataclass_fields__
        return self._made


__all__ = ["field", "record"]

"""Values like those of :mod:`dataclasses`, whose methods are made when they are first called.

``dataclasses`` alone takes longer to import than a small query to be answered, and making the methods of a class takes
as long as importing a module; most classes are not met by most commands. :func:`record` makes slots always, understands
``frozen``, ``kw_only`` and ``eq``, and :func:`field` what a field may be. Who asks for ``__dataclass_fields__``, as
``dataclasses.replace`` and ``dataclasses.fields`` do, gets them. Making a value takes half the time. :func:`final` is
here since ``typing`` takes as long as ``dataclasses``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as record
    from dataclasses import field, fields, replace
    from typing import Any, TypeGuard, final

    from _typeshed import DataclassInstance

    def is_record(of: object) -> TypeGuard[DataclassInstance]:
        """Whether something is a record."""
else:

    def final(cls: type) -> type:
        """``typing.final``: no class is made from this one."""
        return cls

    def record(
        *, frozen: bool = False, slots: bool = True, kw_only: bool = False, eq: bool = True
    ) -> Callable[[type], type]:
        """A decorator that makes a class with annotations a class of values."""
        assert slots
        return lambda cls: _record(cls, frozen, kw_only, eq)

    def field(**about: Any) -> FieldOf:
        """A field that has more to it than a default."""
        return FieldOf(**about)

    def fields(of: Any) -> tuple[FieldOf, ...]:
        """The fields of a record or its class."""
        found: tuple[FieldOf, ...] = of.__fields_of__
        return found

    def is_record(of: object) -> bool:
        """Whether something is a record, or the class of records."""
        return hasattr(of, "__fields_of__")

    def replace(of: Any, /, **changes: Any) -> Any:
        """A record of the same class with some fields changed."""
        for one in of.__fields_of__:
            if one.init and one.name not in changes:
                changes[one.name] = getattr(of, one.name)
        return of.__class__(**changes)


_ABSENT: Any = object()


class FieldOf:
    """What is known of a field."""

    __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

    def __init__(
        self, *, default: Any = _ABSENT, default_factory: Any = _ABSENT, init: bool = True, repr: bool = True,  # noqa: A002 - as in dataclasses
        compare: bool = True,
    ) -> None:  # fmt: skip
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare
        self.name = self.type = ""


def _record(cls: type, frozen: bool, kw_only: bool, eq: bool) -> type:
    members = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    fields: list[FieldOf] = [f for base in cls.__bases__ for f in getattr(base, "__fields_of__", ())]
    own: list[str] = []
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        default = members.pop(name, _ABSENT)
        of = default if isinstance(default, FieldOf) else FieldOf(default=default)
        if of.name:  # one that several fields share
            of = FieldOf(
                default=of.default, default_factory=of.default_factory, init=of.init, repr=of.repr, compare=of.compare
            )
        of.name, of.type = name, annotation
        fields = [f for f in fields if f.name != name]
        fields.append(of)
        own.append(name)
    members |= {
        "__slots__": tuple(own), "__fields_of__": tuple(fields),
        "__match_args__": () if kw_only else tuple(f.name for f in fields if f.init),
        "__dataclass_fields__": _Fields(fields, kw_only),
    }  # fmt: skip
    made: Any = type(cls)(cls.__name__, cls.__bases__, members)
    made.__qualname__ = cls.__qualname__
    lazy: dict[str, Callable[[], Any]] = {
        "__init__": lambda: _init(made, fields, frozen, kw_only),
        "__repr__": lambda: _repr(fields),
    }
    if eq:
        lazy["__eq__"] = lambda: _eq(fields)
    if frozen:
        if eq:
            lazy["__hash__"] = lambda: _hash(fields)
        made.__setattr__ = made.__delattr__ = _refuse
        made.__setstate__ = _restore
    elif eq and "__eq__" not in vars(cls):
        made.__hash__ = None
    for name, make in lazy.items():
        # a class with an __eq__ of its own has a __hash__ of None that nobody wrote
        if name not in vars(cls) or (name == "__hash__" and vars(cls)[name] is None):
            setattr(made, name, _at_first(made, name, make))
    return made  # type: ignore[no-any-return]  # made from the class that came in


def _at_first(cls: Any, name: str, make: Callable[[], Any]) -> Any:
    """A method that puts the real one in its place when it is first called."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        real = make()
        real.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, real)
        return real(self, *args, **kwargs)

    return method


def _made(text: str, space: dict[str, Any]) -> Any:
    """The one function that a text defines."""
    exec(text, space)  # noqa: S102 - our own text: the names of fields of classes of ours
    return space["method"]


def _init(cls: Any, fields: list[FieldOf], frozen: bool, kw_only: bool) -> Any:
    space: dict[str, Any] = {"A": _ABSENT}
    parameters = ["self", "*"] if kw_only and fields else ["self"]
    lines: list[str] = []
    for i, of in enumerate(fields):
        n = of.name
        value = n
        if of.default_factory is not _ABSENT:
            space[f"F{i}"] = of.default_factory
            value = f"F{i}() if {n} is A else {n}" if of.init else f"F{i}()"
            parameters += [f"{n}=A"] if of.init else []
        elif of.default is not _ABSENT:
            space[f"D{i}"] = of.default
            value = n if of.init else f"D{i}"
            parameters += [f"{n}=D{i}"] if of.init else []
        elif of.init:
            parameters.append(n)
        else:
            continue  # __post_init__ gives it
        if frozen:
            space[f"S{i}"] = getattr(cls, n).__set__
            lines.append(f" S{i}(self, {value})")
        else:
            lines.append(f" self.{n} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    return _made(f"def method({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), space)


def _repr(fields: list[FieldOf]) -> Any:
    shown = ", ".join([f"{f.name}={{self.{f.name}!r}}" for f in fields if f.repr])
    return _made(f"def method(self):\n return f'{{type(self).__qualname__}}({shown})'", {})


def _eq(fields: list[FieldOf]) -> Any:
    mine, others = (
        "".join([f"{who}.{f.name}, " for f in fields if f.compare]) for who in ("self", "other")
    )  # fmt: skip
    return _made(
        "def method(self, other):\n if other.__class__ is not self.__class__: return NotImplemented\n"
        f" return ({mine}) == ({others})",
        {},
    )


def _hash(fields: list[FieldOf]) -> Any:
    return _made(f"def method(self):\n return hash(({''.join([f'self.{f.name}, ' for f in fields if f.compare])}))", {})


def _refuse(_self: Any, name: str, *_: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _restore(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    """What a copy is made from."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


class _Fields:
    """The fields as ``dataclasses`` describes them, made when someone asks."""

    __slots__ = ("_about", "_made")

    def __init__(self, fields: list[FieldOf], kw_only: bool) -> None:
        self._about = (fields, kw_only)
        self._made: Any = None

    def __get__(self, instance: object, owner: type) -> Any:
        if self._made is None:
            import dataclasses

            fields, kw_only = self._about
            made = {}
            for of in fields:
                default = {"default": of.default} if of.default is not _ABSENT else {}
                factory = {"default_factory": of.default_factory} if of.default_factory is not _ABSENT else {}
                one: Any = dataclasses.field(
                    **default, **factory, init=of.init, repr=of.repr, compare=of.compare, kw_only=kw_only
                )
                one.name, one.type = of.name, of.type
                one._field_type = dataclasses._FIELD  # type: ignore[attr-defined]  # noqa: SLF001 - how fields() knows them
                made[of.name] = one
            self._made = made
        return self._made


__all__ = ["field", "fields", "final", "is_record", "record", "replace"]

"""`parameterPack`: a class whose typed members are one parameter of a parameter node."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any

import slicer

from . import annotations
from .storage import Store, make_store


@dataclass(frozen=True)
class Parameter:
    """One typed member of a pack or of a parameter node."""

    name: str
    annotated: Any
    store: Store
    default: annotations.Default


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The members by name; a default may be given with ``=`` or as ``Default``."""
    found = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        store = make_store(annotated)
        default = annotations.first(annotations.split(annotated)[1], annotations.Default)
        if name in cls.__dict__:
            default = annotations.Default(cls.__dict__[name])
        found[name] = Parameter(name, annotated, store, default or annotations.Default(generator=store.default))
    return found


def is_pack(kind: Any) -> bool:
    return hasattr(kind, "make_pack_store")


def top_and_rest(name: str) -> tuple[str, str]:
    top, _, rest = name.partition(".")
    return top, rest


def data_type(cls: type, name: str) -> Any:
    """Annotated type of a member, which may be of a pack within: ``box.corner.x``."""
    top, rest = top_and_rest(name)
    if top not in cls.allParameters:
        raise ValueError(f"{cls.__name__} has no member '{top}'; it has {', '.join(cls.allParameters)}")
    annotated = cls.allParameters[top].annotated
    if not rest:
        return annotated
    kind = annotations.plain_type(annotated)
    if not is_pack(kind):
        raise ValueError(f"'{top}' of {cls.__name__} is no parameterPack and has no '{rest}'")
    return data_type(kind, rest)


class PackStore(Store):
    def __init__(self, cls: type) -> None:
        self._cls = cls
        self.checks = (annotations.NotNone(), annotations.IsInstance(cls))

    def default(self) -> Any:
        return self._cls()

    def has(self, node, name: str) -> bool:
        first = next(iter(self._cls.allParameters.values()))
        return first.store.has(node, f"{name}.{first.name}")

    def read(self, node, name: str) -> Any:
        """The values, in an object that writes itself back whenever it is changed."""
        pack = object.__new__(self._cls)

        def values() -> dict[str, Any]:
            return {p.name: p.store.read(node, f"{name}.{p.name}") for p in self._cls.allParameters.values()}

        def save() -> None:
            self.write(node, name, pack)
            pack._values = values()

        pack.__dict__.update(_values=values(), _save=save)
        return pack

    def write(self, node, name: str, value) -> None:
        self.check(value)
        with slicer.util.NodeModify(node):
            for parameter in self._cls.allParameters.values():
                parameter.store.write(node, f"{name}.{parameter.name}", value._values[parameter.name])

    def remove(self, node, name: str) -> None:
        for parameter in self._cls.allParameters.values():
            parameter.store.remove(node, f"{name}.{parameter.name}")


def _member(parameter: Parameter) -> property:
    def write(self, value) -> None:
        parameter.store.check(value)
        self._values[parameter.name] = value
        if self._save:
            self._save()

    return property(lambda self: self._values[parameter.name], write)


def _get_value(self, name: str) -> Any:
    top, rest = top_and_rest(name)
    data_type(type(self), top)
    value = getattr(self, top)
    return value.getValue(rest) if rest else value


def _set_value(self, name: str, value) -> None:
    top, rest = top_and_rest(name)
    data_type(type(self), top)
    if rest:
        getattr(self, top).setValue(rest, value)
    else:
        setattr(self, top, value)


def _new(cls, *_arguments, **_named):
    pack = object.__new__(cls)
    pack.__dict__.update(_values={n: p.default.value for n, p in cls.allParameters.items()}, _save=None)
    return pack


def _init(self, *arguments, **named) -> None:
    for name, value in (*zip(self.allParameters, arguments), *named.items()):
        if name not in self.allParameters:
            raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")
        setattr(self, name, value)


def _equal(self, other) -> bool:
    return type(self) is type(other) and self._values == other._values


def _text(self) -> str:
    return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self._values.items())})"


def parameterPack(cls: type | None = None):
    """Class decorator; also written ``@parameterPack()``."""
    if cls is None:
        return parameterPack
    members = parameters_of(cls)
    if not members:
        raise ValueError("Unable to find any members in parameterPack")
    for parameter in members.values():
        parameter.store.check(parameter.default.value)
        setattr(cls, parameter.name, _member(parameter))
    cls.allParameters = members
    cls.__new__ = _new
    own = {"__init__": _init, "__eq__": _equal, "__str__": _text, "__repr__": _text}
    for name, function in own.items():
        if name not in cls.__dict__:
            setattr(cls, name, function)
    cls.__hash__ = None
    cls.getValue, cls.setValue = _get_value, _set_value
    cls.dataType = staticmethod(lambda name: data_type(cls, name))
    cls.make_pack_store = classmethod(PackStore)
    return cls


def isParameterPack(obj: Any) -> bool:
    return is_pack(obj)


@parameterPack
class FloatRange:
    _minimum: float
    _maximum: float

    def __init__(self, minimum: float = 0, maximum: float = 0) -> None:
        self.setRange(minimum, maximum)

    @property
    def minimum(self) -> float:
        return self._minimum

    @minimum.setter
    def minimum(self, value: float) -> None:
        self.setRange(value, self._maximum)

    @property
    def maximum(self) -> float:
        return self._maximum

    @maximum.setter
    def maximum(self, value: float) -> None:
        self.setRange(self._minimum, value)

    def setRange(self, minimum: float, maximum: float) -> None:
        if not minimum <= maximum:
            raise ValueError(f"FloatRange must have minimum <= maximum: {minimum} <= {maximum}")
        self._minimum, self._maximum = minimum, maximum

"""Where and how a typed value is kept on a vtkMRMLScriptedModuleNode: the same names and texts as in Slicer.

One `Store` per type: ``has``, ``read``, ``write`` and ``remove`` a value under a name, and the value where none is set.
Lists are kept as ``name.len``, ``name.0``, ...; dictionaries as lists of pairs ``name.0.0``, ``name.0.1``; optional
values as ``name.0`` or, for None, ``name.1``; members of a pack as ``name.member``; nodes as references of that name.
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from typing import Any

import slicer

from . import annotations
from .observed import ObservedDict, ObservedList


class Store:
    """A value kept as one text; ``to_text`` and ``from_text`` say how."""

    checks: typing.Sequence[annotations.Validator] = ()

    def __init__(self, default: Any, to_text, from_text, *checks) -> None:
        self._default, self._to_text, self._from_text, self.checks = default, to_text, from_text, checks

    def default(self) -> Any:
        return self._default

    def check(self, value) -> None:
        for validator in self.checks:
            validator.validate(value)

    def accepts(self, value) -> bool:
        try:
            self.check(value)
        except (TypeError, ValueError):
            return False
        return True

    def has(self, node, name: str) -> bool:
        return bool(node.HasParameter(name))

    def read(self, node, name: str) -> Any:
        return self._from_text(node.GetParameter(name))

    def write(self, node, name: str, value) -> None:
        self.check(value)
        node.SetParameter(name, self._to_text(value))

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)


class NodeStore(Store):
    def __init__(self, node_class: type) -> None:
        self.checks = (annotations.IsInstance(node_class),)

    def default(self) -> None:
        return None

    def read(self, node, name: str):
        return node.GetNodeReference(name)

    def write(self, node, name: str, value) -> None:
        self.check(value)
        node.SetParameter(name, "")  # None is a value too
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def remove(self, node, name: str) -> None:
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class ListStore(Store):
    def __init__(self, element: Store) -> None:
        self._element = element

    def default(self) -> list:
        return []

    def accepts(self, value) -> bool:
        return isinstance(value, (list, ObservedList)) and all(self._element.accepts(v) for v in value)

    def has(self, node, name: str) -> bool:
        return bool(node.HasParameter(f"{name}.len"))

    def _length(self, node, name: str) -> int:
        return int(node.GetParameter(f"{name}.len")) if self.has(node, name) else 0

    def _values(self, node, name: str) -> list:
        return [self._element.read(node, f"{name}.{i}") for i in range(self._length(node, name))]

    def read(self, node, name: str) -> ObservedList:
        return ObservedList(self._values(node, name), self._saver(node, name))

    def _saver(self, node, name: str):
        """Function that writes what an observed list or dictionary holds and gives what was then read."""

        def save(values):
            self.write(node, name, values)
            return type(values)(self._values(node, name))

        return save

    def write(self, node, name: str, value) -> None:
        values = list(value)
        for one in values:
            self._element.check(one)
        with slicer.util.NodeModify(node):
            for index, one in enumerate(values):
                self._element.write(node, f"{name}.{index}", one)
            for index in range(len(values), self._length(node, name)):
                self._element.remove(node, f"{name}.{index}")
            node.SetParameter(f"{name}.len", str(len(values)))

    def remove(self, node, name: str) -> None:
        with slicer.util.NodeModify(node):
            for index in range(self._length(node, name)):
                self._element.remove(node, f"{name}.{index}")
            node.UnsetParameter(f"{name}.len")


class TupleStore(Store):
    def __init__(self, parts: list[Store]) -> None:
        self._parts = parts

    def default(self) -> tuple:
        return tuple(part.default() for part in self._parts)

    def check(self, value) -> None:
        if len(tuple(value)) != len(self._parts):
            raise ValueError("Unexpected number of tuple values")
        for part, one in zip(self._parts, value):
            part.check(one)

    def has(self, node, name: str) -> bool:
        return self._parts[0].has(node, f"{name}.0")

    def read(self, node, name: str) -> tuple:
        return tuple(part.read(node, f"{name}.{i}") for i, part in enumerate(self._parts))

    def write(self, node, name: str, value) -> None:
        self.check(value)
        with slicer.util.NodeModify(node):
            for index, (part, one) in enumerate(zip(self._parts, value)):
                part.write(node, f"{name}.{index}", one)

    def remove(self, node, name: str) -> None:
        with slicer.util.NodeModify(node):
            for index, part in enumerate(self._parts):
                part.remove(node, f"{name}.{index}")


class DictStore(ListStore):
    def __init__(self, key: Store, value: Store) -> None:
        super().__init__(TupleStore([key, value]))

    def default(self) -> dict:
        return {}

    def accepts(self, value) -> bool:
        return isinstance(value, (dict, ObservedDict)) and all(self._element.accepts(v) for v in value.items())

    def read(self, node, name: str) -> ObservedDict:
        return ObservedDict(dict(self._values(node, name)), self._saver(node, name))

    def write(self, node, name: str, value) -> None:
        super().write(node, name, value.items())


class NoneStore(Store):
    """None itself; Slicer keeps a text to show that it was set."""

    def __init__(self) -> None:
        super().__init__(None, lambda _value: "True", lambda _text: None)

    def accepts(self, value) -> bool:
        return value is None


class UnionStore(Store):
    """One of several types, under the index of the type; ``Optional[X]`` begins as None."""

    def __init__(self, parts: list[Store], ends_in_none: bool) -> None:
        self._parts, self._ends_in_none = parts, ends_in_none

    def default(self) -> Any:
        return None if self._ends_in_none else self._parts[0].default()

    def check(self, value) -> None:
        if not self._fitting(value):
            raise TypeError(f"Unable to write value '{value}' of type '{type(value)}'")

    def _fitting(self, value) -> list[int]:
        """Indices of the types that can hold the value; None is for the type None, though stores of nodes take it."""
        parts = enumerate(self._parts)
        return [i for i, p in parts if p.accepts(value) and (value is not None or isinstance(p, NoneStore))]

    def _index(self, node, name: str) -> int | None:
        return next((i for i, part in enumerate(self._parts) if part.has(node, f"{name}.{i}")), None)

    def has(self, node, name: str) -> bool:
        return self._index(node, name) is not None

    def read(self, node, name: str) -> Any:
        index = self._index(node, name)
        return self._parts[index].read(node, f"{name}.{index}")

    def write(self, node, name: str, value) -> None:
        self.check(value)
        index = self._fitting(value)[0]
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            self._parts[index].write(node, f"{name}.{index}", value)

    def remove(self, node, name: str) -> None:
        for index, part in enumerate(self._parts):
            part.remove(node, f"{name}.{index}")


def _scalar(kind: type) -> Store | None:
    """Store of a type that is one text on the node."""
    is_kind = (annotations.NotNone(), annotations.IsInstance(kind))
    if kind is bool:
        return Store(False, lambda value: "True" if value else "False", lambda text: text == "True", *is_kind)
    if kind is float:
        return Store(0, str, float, annotations.NotNone(), annotations.IsInstance((int, float)))
    if kind is int:
        return Store(0, str, int, *is_kind)
    if kind is str:
        return Store("", str, str, *is_kind)
    if issubclass(kind, pathlib.PurePath):
        return Store(kind(), str, kind, *is_kind)
    if issubclass(kind, enum.Enum):
        return Store(next(iter(kind)), lambda value: value.name, lambda text: kind[text], *is_kind)
    return None


def make_store(annotated: Any) -> Store:
    """The store of a possibly annotated type, with its checks."""
    kind, notes = annotations.split(annotated)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if hasattr(kind, "make_pack_store"):
        store = kind.make_pack_store()
    elif origin is list:
        store = ListStore(make_store(parts[0]))
    elif origin is dict:
        store = DictStore(make_store(parts[0]), make_store(parts[1]))
    elif origin is tuple:
        store = TupleStore([make_store(part) for part in parts])
    elif origin is types.UnionType and origin is not typing.Union:
        raise TypeError(f"Slicer 5.8 knows no parameters written as {kind}: use Optional[...] or Union[...]")
    elif origin is typing.Union:
        stores = [NoneStore() if part is type(None) else make_store(part) for part in parts]
        store = UnionStore(stores, ends_in_none=len(parts) == 2 and parts[1] is type(None))
    elif isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        store = NodeStore(kind)
    else:
        store = _scalar(kind) if isinstance(kind, type) else None
    if store is None:
        raise TypeError(f"the stand-in has no parameters of type {kind}")
    own = store.check
    extra = annotations.validators(notes)

    def check(value) -> None:
        for validator in extra:
            validator.validate(value)
        own(value)

    store.check = check
    return store

"""Lists and dictionaries that are written back to the parameter node when they change."""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence


class ObservedList(MutableSequence):
    def __init__(self, values: list, save) -> None:
        self._list, self._save = values, save

    def __repr__(self) -> str:
        return f"ObservedList({self._list})"

    def __eq__(self, other) -> bool:
        return self._list == (other._list if isinstance(other, ObservedList) else other)

    __hash__ = None

    def __len__(self) -> int:
        return len(self._list)

    def __getitem__(self, index):
        return self._list[index]

    def __setitem__(self, index, value) -> None:
        self._list[index] = value
        self._list = self._save(self._list)

    def __delitem__(self, index) -> None:
        del self._list[index]
        self._list = self._save(self._list)

    def insert(self, index, value) -> None:
        self._list.insert(index, value)
        self._list = self._save(self._list)

    def __add__(self, other):
        raise NotImplementedError("Adding an ObservedList is not supported. However, += is supported.")

    __radd__ = __add__


class ObservedDict(MutableMapping):
    def __init__(self, values: dict, save) -> None:
        self._dict, self._save = values, save

    def __repr__(self) -> str:
        return f"ObservedDict({self._dict})"

    def __eq__(self, other) -> bool:
        return self._dict == (other._dict if isinstance(other, ObservedDict) else other)

    __hash__ = None

    def __len__(self) -> int:
        return len(self._dict)

    def __iter__(self):
        return iter(self._dict)

    def __getitem__(self, key):
        return self._dict[key]

    def __setitem__(self, key, value) -> None:
        self._dict[key] = value
        self._dict = self._save(self._dict)

    def __delitem__(self, key) -> None:
        del self._dict[key]
        self._dict = self._save(self._dict)

"""What may stand in ``Annotated[...]`` of a parameter: default, checks, and hints for the widget."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


class Default:
    """Value of a parameter that has not been set; ``generator`` makes a new one each time."""

    def __init__(self, value: Any = None, *, generator=None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


@dataclass
class Decimals:
    value: int


@dataclass
class SingleStep:
    value: float


class Validator(ABC):
    """Base of the checks; a class may be given in the place of an object, as in Slicer."""

    @abstractmethod
    def validate(self, value) -> None:
        """Raises ValueError when the value is not allowed."""


class NotNone(Validator):
    def validate(self, value) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass
class IsInstance(Validator):
    classtype: type | tuple

    def validate(self, value) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type '{self.classtype}', is type '{type(value)}' value '{value}'")


@dataclass
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    minimum: float

    def validate(self, value) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    maximum: float

    def validate(self, value) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be less than {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    choices: typing.Sequence

    def validate(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


@dataclass
class Exclude(Validator):
    excludedValues: typing.Sequence

    def validate(self, value) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value is {value}, but must not be an excluded value: {self.excludedValues}")


@dataclass
class RangeBounds(Validator):
    minimum: float
    maximum: float

    def validate(self, value) -> None:
        if value.minimum < self.minimum or value.maximum > self.maximum:
            raise ValueError(f"Range must be within the bound of [{self.minimum}, {self.maximum}], is {value}")


def split(annotated: Any) -> tuple[Any, tuple]:
    """The plain type and the annotations."""
    if typing.get_origin(annotated) is typing.Annotated:
        plain, *notes = typing.get_args(annotated)
        return plain, tuple(notes)
    return annotated, ()


def plain_type(annotated: Any) -> Any:
    return split(annotated)[0]


def first(notes: tuple, kind: type) -> Any:
    return next((n for n in notes if isinstance(n, kind)), None)


def validators(notes: tuple) -> list[Validator]:
    made = [n() if isinstance(n, type) and issubclass(n, Validator) else n for n in notes]
    return [n for n in made if isinstance(n, Validator)]

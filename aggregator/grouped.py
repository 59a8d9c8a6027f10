"""What items of a batch have in common, kept once for all that share it. Pure."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Grouped(NamedTuple, Generic[T]):
    """A value for each item, many of which share one."""

    values: list[T]  # one a group
    group_of: "array[int]"  # for each item, in order, the index of its value; type code "i", as Arrow reads it

    def each(self, change: Callable[[T], U]) -> "Grouped[U]":
        """The same groups with what `change` makes of their values; it is called once a group."""
        return Grouped([change(value) for value in self.values], self.group_of)

    def spread(self) -> list[T]:
        """The value of each item."""
        return [self.values[group] for group in self.group_of]

    def at(self, indexes: Iterable[int]) -> "Grouped[T]":
        """The items at these places, with the groups that they are in and no other."""
        left = grouped([self.group_of[index] for index in indexes])
        return Grouped([self.values[group] for group in left.values], left.group_of)


class Grouping(Generic[T]):
    """Groups items that come bit by bit: those of equal keys are a group; its value is the first of them.

    key: None where items are their own.
    """

    def __init__(self, key: Callable[[T], Hashable] | None = None) -> None:
        self._key = key
        self._groups: defaultdict[Hashable, int] = defaultdict()
        self._groups.default_factory = self._groups.__len__  # a key that is new gets the next number
        self._values: list[T] = []
        self._group_of = array("i")

    def add(self, items: Sequence[T]) -> None:
        groups = [*map(self._groups.__getitem__, items if self._key is None else map(self._key, items))]
        self._group_of.extend(groups)
        if len(self._groups) > len(self._values):
            firsts = dict(zip(reversed(groups), reversed(items), strict=True))
            self._values += [firsts[group] for group in range(len(self._values), len(self._groups))]

    def grouped(self) -> Grouped[T]:
        return Grouped(self._values, self._group_of)


def grouped(items: Sequence[T], key: Callable[[T], Hashable] | None = None) -> Grouped[T]:
    """All at once; see `Grouping`."""
    grouping = Grouping(key)
    grouping.add(items)
    return grouping.grouped()

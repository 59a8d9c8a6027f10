"""What items of a batch have in common, kept once for all that share it. Pure."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
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


def grouped(items: Sequence[T], key: Callable[[T], Hashable]) -> Grouped[T]:
    """Items of equal keys are a group; its value is the first of them."""
    groups: defaultdict[Hashable, int] = defaultdict()
    groups.default_factory = groups.__len__  # a key that is new gets the next number
    group_of = array("i", map(groups.__getitem__, map(key, items)))
    firsts = dict(zip(reversed(group_of), reversed(items), strict=True))
    return Grouped([firsts[group] for group in range(len(groups))], group_of)

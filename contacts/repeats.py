"""Links that a list of contacts asks for twice: a contact has one link per destination."""

from array import array

import pyarrow as pa
import pyarrow.compute as pc

from contacts.line import ALL, Contacts


def all_differ(hashes: "array[int]") -> bool:
    """Whether no two are equal. 24 bytes each for a moment; pyarrow's count_distinct takes up to 180 a contact id."""
    column = pa.Array.from_buffers(pa.int64(), len(hashes), [None, pa.py_buffer(hashes)])
    ordered = column.take(pc.sort_indices(column))
    return not pc.any(pc.equal(ordered[1:], ordered[:-1])).as_py()


def repeats(contacts: Contacts, destinations: int) -> "array[int]":
    """Of each row, the line that asked for its link first; 0 where it did itself. Another row asks for nothing.

    4 bytes for each row and for each possible link, however long the ids.
    """
    encoded = contacts.contact_ids.dictionary_encode()
    asked_on = array("I", bytes(4 * len(encoded.dictionary) * destinations))  # line numbers, 0 for none
    found = array("I", bytes(4 * len(contacts)))
    rows = zip(encoded.indices.to_pylist(), contacts.destination_indexes, contacts.line_nos, strict=True)
    for row, (number, index, line_no) in enumerate(rows):
        first = number * destinations
        links = range(first, first + destinations) if index == ALL else (first + index,)
        earlier = next((asked_on[link] for link in links if asked_on[link]), None)
        if earlier:
            found[row] = earlier
            continue
        for link in links:
            asked_on[link] = line_no
    return found

"""The links that contacts of a list have in a broadcast already: a contact has one link per destination."""

import asyncio
from array import array
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from contacts.line import ALL, Contacts
from control.minting.link_table import LinkTable

NONE = 2**64 - 1
FEW_BYTES = 48 * 1024  # of contact ids that are looked up by name; of more, the links of the broadcast are read


class Theirs(msgspec.Struct, frozen=True):
    """The first link of each contact to each destination, by the contact's slot: 8 bytes a possible link."""

    slots: Any  # pa.Int32Array: of each line
    destinations: int
    link_ids: "array[int]"  # slot * destinations + destination -> link id, or NONE


async def links_of(
    table: LinkTable, broadcast_no: int, contacts: Contacts, destinations: int, first: int, end: int
) -> Theirs:
    """Of the links with ids from `first` up to `end`. Memory grows with the list, not with the broadcast."""
    encoded = await asyncio.to_thread(contacts.contact_ids.dictionary_encode)
    known = encoded.dictionary
    found = array("Q", [NONE]) * (len(known) * destinations)
    few = known.to_pylist() if known.nbytes <= FEW_BYTES else None
    async for links in table.links_of_contacts(broadcast_no, first, end, few):
        await asyncio.to_thread(_take, links, known, destinations, found)
    return Theirs(encoded.indices, destinations, found)


def _take(links: Any, known: Any, destinations: int, found: "array[int]") -> None:
    """Note the links of contacts that are known. links: in the order of their ids, so the first one counts."""
    slots = pc.index_in(links["contact_id"], value_set=known)
    hits = pc.and_(pc.is_valid(slots), pc.less(links["destination_index"], pa.scalar(destinations, pa.uint16())))
    columns = [slots, links["destination_index"], links["link_id"]]
    for slot, destination, link_id in zip(*(column.filter(hits).to_pylist() for column in columns), strict=True):
        place = slot * destinations + destination
        if found[place] == NONE:
            found[place] = link_id


def how_many(contacts: Contacts, theirs: Theirs) -> int:
    """How many of the links that the lines ask for are there."""
    found: Any = pa.Array.from_buffers(pa.uint64(), len(theirs.link_ids), [None, pa.py_buffer(theirs.link_ids)])
    asked: Any = pa.Array.from_buffers(pa.int16(), len(contacts), [None, pa.py_buffer(contacts.destination_indexes)])
    is_there = pc.not_equal(found, pa.scalar(NONE, pa.uint64()))
    places: Any = pc.multiply(theirs.slots.cast(pa.int64()), pa.scalar(theirs.destinations))
    total = 0
    for destination in range(theirs.destinations):
        there: Any = is_there.take(pc.add(places, pa.scalar(destination)))
        every, named = (pc.equal(asked, pa.scalar(index, pa.int16())) for index in (ALL, destination))
        total += pc.and_(there, pc.or_(every, named)).true_count
    return total

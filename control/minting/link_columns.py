"""Links as columns: what they are as rows of table links, as lines of an answer, and as records for Redis. Pure."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import compress, repeat
from typing import Any

import msgspec
import pyarrow as pa

from contacts.arrow import in_json, joined, numbers
from records.broadcast import Broadcast
from records.link import Link


class LinkColumns(msgspec.Struct, frozen=True):
    """Some links of one broadcast."""

    link_ids: "array[int]"
    contact_ids: Any  # pa.StringArray, as `codes`
    audience_nos: Any  # pa.UInt32Array: places in the broadcast's list
    destination_indexes: Any  # pa.UInt16Array
    codes: Any
    fields: Sequence[dict[str, str]] | None = None  # of contacts; None: they have none
    slugs: Sequence[str] | None = None  # None: each code is a sealed id

    def __len__(self) -> int:
        return len(self.link_ids)

    def only(self, chosen: Any) -> "LinkColumns":
        """Those that are chosen. chosen: pa.BooleanArray."""
        marks = chosen.to_pylist()
        return LinkColumns(
            array("Q", compress(self.link_ids, marks)),
            self.contact_ids.filter(chosen),
            self.audience_nos.filter(chosen),
            self.destination_indexes.filter(chosen),
            self.codes.filter(chosen),
            None if self.fields is None else list(compress(self.fields, marks)),
            None if self.slugs is None else list(compress(self.slugs, marks)),
        )

    def records(self, broadcast_no: int) -> Iterator[Link]:
        return map(
            Link, repeat(broadcast_no), self.destination_indexes.to_pylist(), self.audience_nos.to_pylist(),
            self.contact_ids.to_pylist(), self.slugs or repeat(""), self.fields or repeat(None),
        )  # fmt: skip


def columns_of(link_id: int, link: Link, code: str) -> LinkColumns:
    """One link."""
    return LinkColumns(
        array("Q", [link_id]), pa.array([link.contact_id]), numbers(array("I", [link.audience_no])),
        numbers(array("H", [link.destination_index])), pa.array([code]), slugs=[link.slug],
    )  # fmt: skip


def link_rows(broadcast: Broadcast, links: LinkColumns, minted_at_ms: int) -> Any:
    """The links as a record batch for table links."""

    def same(value: Any, kind: Any) -> Any:
        return pa.repeat(pa.scalar(value, kind), len(links))

    columns = {
        "link_id": numbers(links.link_ids),
        "account": same(broadcast.account, pa.string()),
        "code": links.codes,
        "short_domain": same(broadcast.short_domain, pa.string()),
        "broadcast_no": same(broadcast.broadcast_no, pa.uint64()),
        "broadcast_id": same(broadcast.broadcast_id, pa.string()),
        "contact_id": links.contact_ids,
        "audience": pa.array(broadcast.audiences, pa.string()).take(links.audience_nos),
        "audience_no": links.audience_nos,
        "keyword": same(broadcast.keyword, pa.string()),
        "destination_index": links.destination_indexes,
        "slug": same("", pa.string()) if links.slugs is None else pa.array(links.slugs, pa.string()),
        "minted_at": same(minted_at_ms, pa.timestamp("ms", "UTC")),
    }
    if links.fields is not None:
        fields = [list(each.items()) for each in links.fields]
        columns["fields"] = pa.array(fields, pa.map_(pa.string(), pa.string()))
    return pa.record_batch(columns)


def link_lines(links: LinkColumns, base: str, are_there: Any = None) -> Any:
    """What the answer says of each link (LinkLine), as a column. base: what stands before the code in a short URL."""
    end: Any = '"}\n'
    if are_there is not None:
        end = pa.array(['"}\n', '","existing":true}\n']).take(are_there.cast(pa.int8()))
    return joined(
        '{"contact_id":"', in_json(links.contact_ids),
        '","destination_index":', links.destination_indexes.cast(pa.string()),
        ',"link_id":', numbers(links.link_ids).cast(pa.string()),
        ',"code":"', links.codes, f'","short_url":"{base}', links.codes, end,
    )  # fmt: skip

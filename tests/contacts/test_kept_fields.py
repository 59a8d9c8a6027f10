"""Fields of a list are read back as they were given, from memory or from disk."""

import tracemalloc
from io import BytesIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts import kept_fields
from contacts.fields import FieldNeeds
from contacts.kept_fields import CHUNK_LINES, IN_MEMORY_BYTES, KeptFields
from contacts.ndjson_form import NdjsonForm
from contacts.reader import read_contacts

MB = 1_000_000
LINES = st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=3)), max_size=12)


@given(st.lists(LINES | st.integers(0, 5), max_size=4), st.integers(0, 30), st.integers(0, 30), st.randoms())
def test_lines_are_read_back_from_any_place_also_where_some_are_left_out(batches, first, end, random):
    kept, lines = KeptFields("ab"), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept_fields, "CHUNK_LINES", 5)
        for batch in batches:
            added = [{} for _ in range(batch)] if isinstance(batch, int) else batch
            kept.add(None if isinstance(batch, int) else batch, len(added))
            lines += [{name: value for name, value in fields.items() if name != "c"} for fields in added]
    keep = [random.random() < 0.5 for _ in lines]
    left = [fields for fields, is_kept in zip(lines, keep, strict=True) if is_kept]

    assert kept.of(slice(first, end)) == lines[first:end]
    assert kept.only(keep).of(slice(first, end)) == left[first:end]
    only_a = [{name: value for name, value in fields.items() if name == "a"} for fields in lines]
    assert kept.of(slice(first, end), {"a"}) == only_a[first:end]


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_fields_beyond_the_bound_are_not_in_memory():
    kept = KeptFields(["order"])
    lines = [{"order": "x" * 250}] * CHUNK_LINES
    chunks = 40 * MB // (CHUNK_LINES * 250)

    peak = peak_bytes(lambda: [kept.add(lines, CHUNK_LINES) for _ in range(chunks)])

    assert IN_MEMORY_BYTES < peak < 2.5 * IN_MEMORY_BYTES  # the buffer that goes to disk grows by doubling
    assert kept.of(slice(-1, None)) == [{"order": "x" * 250}]


def test_names_that_no_line_has_take_no_room():
    names = frozenset(f"n{number}" for number in range(1_700))  # as many as a text of 10,000 characters has
    body = b'{"contact_id":"a"}\n' * 20_000 + msgspec.json.encode(
        {"contact_id": "b", "fields": dict.fromkeys(names, "")}
    )

    def read():
        read_contacts(BytesIO(body), NdjsonForm(), 1, skip_bad=True, needs=FieldNeeds(names))

    assert peak_bytes(read) < 40 * MB

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.keys import (
    ALLOCATED,
    TRACKED_PREFIXES,
    AllocatedKey,
    BroadcastKey,
    DomainKey,
    ErasedKey,
    SlugKey,
    block_key,
    broadcast_key,
    bucket_of,
    domain_key,
    erased_key,
    large_link_key,
    parse_key,
    slug_key,
)

hosts = st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True)
slugs = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(st.integers(0, 2**63), hosts, slugs)
def test_every_key_that_edges_track_is_read_as_it_was_written(number, host, slug):
    written = {
        broadcast_key(number): BroadcastKey(number),
        domain_key(host): DomainKey(host),
        slug_key(host, slug): SlugKey(host, slug),
        erased_key(number): ErasedKey(number),
        ALLOCATED: AllocatedKey(),
    }

    assert {key: parse_key(key) for key in written} == written
    assert all(key.startswith(TRACKED_PREFIXES) for key in written)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "tt:b:",
        "tt:b:x",
        "tt:b:-1",
        "tt:b:²",
        "tt:b:" + "9" * 5000,
        "tt:v:go.acme.example",
        "tt:allocated:x",
        block_key(7),
        large_link_key(7),
        bucket_of(7),
        "b:1",
    ],
)
def test_a_key_of_another_form_names_nothing(key):
    assert parse_key(key) is None


@given(st.text(max_size=30))
def test_any_text_is_a_key_or_none(text):
    for prefix in ("", *TRACKED_PREFIXES):
        parse_key(prefix + text)

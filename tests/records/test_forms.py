from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import described, milliseconds, plain, time_of
from records.tables import instant

MILLISECONDS = st.integers(31_536_000_000, 32_503_679_999_999)  # 1971 to 2999


def test_what_people_may_set_of_a_broadcast_has_its_name_in_the_api():
    assert [field.name for field in described(Broadcast)] == [
        "short_domain", "destinations", "source", "keyword", "valid_from", "expires_at", "status", "forward_query",
        "fallback", "stopped", "sent_at", "archived", "text", "timezone", "preview",
    ]  # fmt: skip
    assert [field.name for field in described(Broadcast) if field.required] == ["short_domain"]


def test_numbers_accounts_and_versions_are_not_for_people_to_set():
    kept = {"broadcast_no", "account", "broadcast_id", "audiences", "version", "destination_versions", "deleted"}
    assert set(Broadcast.__struct_fields__) - {field.field for field in described(Broadcast)} == kept
    assert set(Domain.__struct_fields__) - {field.field for field in described(Domain)} == {
        "short_domain", "account", "version", "deleted",
    }  # fmt: skip


@pytest.mark.parametrize("record", [Broadcast, Domain])
def test_a_default_is_the_same_said_and_kept(record):
    for field in described(record):
        if not field.required:
            assert field.form.from_record(field.form.to_record(field.default)) == field.default


@given(MILLISECONDS)
def test_a_time_is_the_same_to_the_millisecond_at_every_door(ms):
    time = time_of(ms)
    said = msgspec.json.encode(time)  # by the API

    assert milliseconds(time) == ms
    assert f"{time:%f}" == f"{ms % 1000:03}000"
    assert milliseconds(msgspec.json.decode(said, type=datetime)) == ms
    assert Decimal(instant(ms)) * 1000 == ms  # by a row of ClickHouse


def test_a_time_is_kept_in_utc_and_none_as_0():
    east = datetime(2030, 1, 1, 2, 0, 0, 123_999, timezone(timedelta(hours=2)))

    assert milliseconds(east) == 1_893_456_000_123
    assert (milliseconds(None), time_of(0)) == (0, None)


@pytest.mark.parametrize("year", [1970, 3000])
def test_a_time_that_no_message_was_sent_in_is_refused(year):
    with pytest.raises(ValueError, match="expected a time between 1971 and 2999"):
        milliseconds(datetime(year, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("character", ["\n", "\x00", "\x1b", "\x7f", "\x85"])
def test_a_text_with_a_control_character_is_refused(character):
    with pytest.raises(ValueError, match=f"U\\+{ord(character):04X}"):
        plain(f"a{character}b")

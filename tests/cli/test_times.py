from datetime import UTC, datetime

import pytest

from cli.times import rfc3339, since_in, time_in

NOW = datetime(2026, 11, 29, 6, 30, 15, 999, UTC)


@pytest.mark.parametrize(
    ("text", "starts", "ends"),
    [
        ("2026-12-31", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-12-31 Europe/Berlin", "2026-12-30T23:00:00Z", "2026-12-31T23:00:00Z"),
        ("2026-02-28 +02:00", "2026-02-27T22:00:00Z", "2026-02-28T22:00:00Z"),
        ("2026-09-06 America/Santiago", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),  # midnight is left out there
        ("2025-11-02 America/Havana", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"),  # midnight comes twice there
    ],
)
def test_a_day_is_its_start_or_its_end(text, starts, ends):
    assert rfc3339(time_in(text, NOW)) == starts
    assert rfc3339(time_in(text, NOW, ends=True)) == ends


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-12-31 18:00", "2026-12-31T18:00:00Z"),
        (" 2026-12-31  9:05 ", "2026-12-31T09:05:00Z"),
        ("2026-12-31 18:00 Europe/Berlin", "2026-12-31T17:00:00Z"),
        ("2026-07-01 18:00 America/New_York", "2026-07-01T22:00:00Z"),
        ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"),
        ("2026-12-31T18:00:00+05:30", "2026-12-31T12:30:00Z"),
        ("2026-12-31t18:00:00.250z", "2026-12-31T18:00:00.250000Z"),
        ("2026-12-31 18:00 +01:00", "2026-12-31T17:00:00Z"),
        ("2026-12-31 18:00 +0530", "2026-12-31T12:30:00Z"),
        ("2026-12-31 18:00 +03", "2026-12-31T15:00:00Z"),
        ("2026-12-31 18:00 UTC+3", "2026-12-31T15:00:00Z"),
        ("2026-12-31 18:00 GMT-03:30", "2026-12-31T21:30:00Z"),
        ("2026-12-31 18:00 Etc/GMT+3", "2026-12-31T21:00:00Z"),  # its sign is the other way around
        ("+7d", "2026-12-06T06:30:15Z"),
        ("+90m", "2026-11-29T08:00:15Z"),
        ("+2w", "2026-12-13T06:30:15Z"),
        ("now", "2026-11-29T06:30:15Z"),
    ],
)
def test_a_time_is_the_same_at_its_start_and_at_its_end(text, meant):
    assert rfc3339(time_in(text, NOW)) == rfc3339(time_in(text, NOW, ends=True)) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("31.12.2026", "expected 2026-12-31, 2026-12-31 18:00"),
        ("2026-13-01", "month must be in 1..12"),
        ("2026-02-29", "day"),
        ("2026-12-31 25:00", "hour must be in 0..23"),
        ("2026-12-31 18:00 Europe/Berlln", "no time zone 'Europe/Berlln'; expected one such as Europe/Berlin"),
        ("2026-12-31 18:00 ../../etc/passwd", "there is no time zone"),
        ("2026-12-31 18:00 Europe", "there is no time zone"),
        ("2026年12月31日", "expected 2026-12-31"),
        ("٢٠٢٦-١٢-٣١", "expected 2026-12-31"),
        ("2569-12-31", "2569 is far ahead; expected 2026 for that year of a Thai calendar"),
        ("2026-12-31 6 PM", "'6 PM' is neither a clock nor a zone; expected 2026-12-31"),
        ("2026-12-31 18.00", "'18.00' is neither a clock nor a zone"),
        ("2026-12-31\u300018:00", "is neither a clock nor a zone"),
        ("2026-12-31 18:00 +99", "neither a clock nor a zone"),
        ("2026-12-31 18:00 Avrupa/İstanbul", "there is no time zone"),
        ("7d", "expected 2026-12-31"),
        ("", "expected 2026-12-31"),
    ],
)
def test_what_is_no_time_is_refused_with_what_is_expected(text, said):
    with pytest.raises(ValueError, match=r".") as refused:
        time_in(text, NOW)

    assert said in str(refused.value)


def test_a_time_that_comes_twice_is_refused_and_both_are_named():
    with pytest.raises(ValueError, match="comes twice") as refused:
        time_in("2026-10-25 02:30 Europe/Berlin", NOW)

    assert "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00" in str(refused.value)


def test_a_time_that_is_left_out_is_refused_and_its_neighbours_are_named():
    with pytest.raises(ValueError, match="is left out") as refused:
        time_in("2026-03-29 02:30 Europe/Berlin", NOW)

    assert "2026-03-29T01:30:00+01:00 or 2026-03-29T03:30:00+02:00" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30d", "2026-10-30T06:30:15.000999Z"),
        (" 2 w", "2026-11-15T06:30:15.000999Z"),
        ("90m", "2026-11-29T05:00:15.000999Z"),
        ("2026-05-01 09:00 Europe/Berlin", "2026-05-01T07:00:00Z"),
    ],
)
def test_since_is_so_long_ago_or_a_time(text, meant):
    assert rfc3339(since_in(text, NOW)) == meant


@pytest.mark.parametrize("text", ["30", "d", "-30d", "30y"])
def test_what_is_no_time_ago_is_refused(text):
    with pytest.raises(ValueError, match="expected 2026-12-31"):
        since_in(text, NOW)

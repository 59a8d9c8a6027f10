from datetime import date

from aggregator.days import date_of, day_of


def test_a_day_ends_at_midnight_utc():
    assert date_of(day_of(1_795_478_399_999)) == date(2026, 11, 23)
    assert date_of(day_of(1_795_478_400_000)) == date(2026, 11, 24)

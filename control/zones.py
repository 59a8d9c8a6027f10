"""Zones of the tz database, as ClickHouse knows them: it turns times into hours of the day."""

from control.http.problems import invalid
from records.broadcast import UTC
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

_known = {UTC}  # those that ClickHouse was asked about; there are some 600
_IS_ZONE = "SELECT count() FROM system.time_zones WHERE time_zone = {zone:String}"


async def check_zone(clickhouse: ClickHouse, field: str, zone: str) -> None:
    """Raises Problem for what is no zone."""
    if zone in _known:
        return
    if not await clickhouse.value(_IS_ZONE, zone=zone):
        raise invalid(field, f"{field} is {described(zone)}; expected a zone of the tz database, such as Europe/Berlin")
    _known.add(zone)

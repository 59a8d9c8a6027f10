"""The settings of an aggregator process, from the environment (prefix TAPTRAIL_)."""

from typing import Annotated

import msgspec

from records.code import CodeKey
from runtime.environment import ClickHouseUrl, HeldMib, LogLevel, RedisUrl
from runtime.guard.budget import MAX_HELD_MIB

Databases = Annotated[str, msgspec.Meta(description=".mmdb files, separated by commas; nothing for no look-up")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Every = Annotated[float, msgspec.Meta(ge=1, le=86_400, description="seconds, 1 to 86400")]
Months = Annotated[int, msgspec.Meta(ge=0, le=1200, description="months, 0 to 1200")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The comment above a field is its description in docs/configuration.md, where no other record has given one."""

    code_key: CodeKey
    clicks_redis_url: RedisUrl
    clickhouse_url: ClickHouseUrl
    # Country, region and city of visitors' networks: MaxMind's layout or a flat one; the first that knows one answers.
    geo_city_db: Databases = ""
    # Number and organisation of the visitors' network, likewise.
    geo_asn_db: Databases = ""
    # Seconds between two looks for scanners, which only all visits of a broadcast show; earlier rows are corrected.
    regrade_every_s: Every = 300
    # Months after which a click loses its user agent, client hints and network prefix, and is not judged again; 0 for
    # never. The same on all aggregators, and where `taptrail regrade` runs.
    keep_agents_months: Months = 0
    # Months after the minting of its link that a contact is erased; 0 for never. The same on all aggregators.
    keep_contacts_months: Months = 0
    ops_host: Text = "127.0.0.1"
    ops_port: Port = 9101
    held_mib: HeldMib = MAX_HELD_MIB
    log_level: LogLevel = "info"

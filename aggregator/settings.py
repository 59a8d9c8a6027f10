"""What an aggregator process can be told, from the environment (prefix TAPTRAIL_)."""

from typing import Annotated

import msgspec

from runtime.environment import ClickHouseUrl, CodeKey, LogLevel, RedisUrl

Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    code_key: CodeKey  # opens the sealed addresses of visitors
    redis_url: RedisUrl
    clickhouse_url: ClickHouseUrl
    geo_city_db: str = ""  # path of an .mmdb with country, region, city; "" leaves those columns empty
    geo_asn_db: str = ""  # path of an .mmdb with the network's number and organisation
    ops_host: Text = "127.0.0.1"
    ops_port: Port = 9101
    log_level: LogLevel = "info"

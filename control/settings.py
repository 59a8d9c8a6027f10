"""What a control process can be told, from the environment (prefix TAPTRAIL_)."""

from typing import Annotated

import msgspec

from runtime.environment import ApiKeys, ClickHouseUrl, CodeKey, LogLevel, RedisUrl

Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    code_key: CodeKey  # the same in every process: seals link ids
    api_keys: ApiKeys  # who may call, and for which account
    redis_url: RedisUrl
    clickhouse_url: ClickHouseUrl
    host: Text = "127.0.0.1"
    port: Port = 8081
    ops_host: Text = "127.0.0.1"
    ops_port: Port = 9102
    allow_http_destinations: bool = False  # for trials: recipients' browsers warn of http
    allow_private_destinations: bool = False  # for trials: recipients cannot reach such addresses
    link_cache_days: Annotated[float, msgspec.Meta(gt=0, description="days, more than 0")] = 90.0  # links stay in Redis
    log_level: LogLevel = "info"

"""What an edge process can be told, from the environment (prefix TAPTRAIL_)."""

import socket
from typing import Annotated

import msgspec

from runtime.environment import ClickHouseUrl, CodeKey, LogLevel, Networks, RedisUrl

Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]
Descriptor = Annotated[int, msgspec.Meta(ge=0, description="the number of an inherited listening socket")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    code_key: CodeKey  # the same in every process: seals link ids and visitors' addresses
    redis_url: RedisUrl
    clickhouse_url: ClickHouseUrl
    spool_dir: Text  # a directory on a disk of this machine; clicks wait here until they are in ClickHouse
    host: Text = "127.0.0.1"
    port: Port = 8080
    listen_fd: Descriptor = 0  # a listening socket that outlives this process, used instead of host and port
    ops_host: Text = "127.0.0.1"
    ops_port: Port = 9100
    edge_id: Text = msgspec.field(default_factory=socket.gethostname)  # column edge_id of every click
    trusted_proxies: Networks = Networks()  # whose X-Forwarded-For and Forwarded are believed
    unknown_per_minute: Annotated[  # answers to unknown codes that one /24 or /48 gets of this process; then 429
        int, msgspec.Meta(ge=1, description="a whole number of 1 or more")
    ] = 300
    drain_s: Annotated[float, msgspec.Meta(ge=0, description="seconds, 0 or more")] = 20.0  # longest wait of a stop
    log_level: LogLevel = "info"

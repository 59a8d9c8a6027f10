"""The settings of an edge process, from the environment (prefix TAPTRAIL_)."""

import socket
from typing import Annotated, Literal

import msgspec

from edge.block_memory import MAX_BLOCK_BYTES
from records.code import CodeKey
from records.networks import Networks
from runtime.environment import ClickHouseUrl, HeldMib, LogLevel, RedisUrl
from runtime.guard.budget import MAX_HELD_MIB, MIB

Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]
Folder = Annotated[str, msgspec.Meta(min_length=1, description="a directory that can be written")]
Descriptor = Annotated[int, msgspec.Meta(ge=0, description="the number of an inherited listening socket")]
ForwardedHeader = Annotated[
    str, msgspec.Meta(pattern="^(x-forwarded-for|forwarded)$", description="x-forwarded-for or forwarded")
]
LinkMib = Annotated[int, msgspec.Meta(ge=0, description="a whole number of MiB, 0 or more")]
OnOrOff = Annotated[Literal["on", "off"], msgspec.Meta(description="on or off")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The comment above a field is its description in docs/configuration.md (`make configuration`)."""

    # Seals link ids into codes and visitors' addresses in spool and stream. The same in every process, for ever.
    code_key: CodeKey
    # Redis 7 or Valkey 8 and newer, `maxmemory-policy noeviction`, append-only file on; `rediss://` for TLS.
    redis_url: RedisUrl
    # Another Redis, for clicks on their way to ClickHouse alone; the first then keeps links (docs/deploy.md#redis).
    clicks_redis_url: RedisUrl
    # A user with the grants of docs/deploy.md#clickhouse on the database `taptrail`.
    clickhouse_url: ClickHouseUrl
    # A directory on a disk of this machine that outlives the process: clicks wait here until they are in ClickHouse.
    spool_dir: Folder
    # The address to listen on: `0.0.0.0` for every one.
    host: Text = "127.0.0.1"
    # The public port, behind whatever ends TLS.
    port: Port = 8080
    # A listening socket that outlives this process, used instead of host and port; 3 under systemd. 0 for none.
    listen_fd: Descriptor = 0
    # Where the ops port listens.
    ops_host: Text = "127.0.0.1"
    # `/healthz`, `/readyz`, `/metrics`; never public.
    ops_port: Port = 9100
    # What the column `edge_id` of every click says.
    edge_id: Text = msgspec.field(default_factory=socket.gethostname)
    # The proxies that are believed when they say for whom they ask. Empty: none, who connects is the visitor.
    trusted_proxies: Networks = Networks()
    # The header in which they say it, and the only one that is read: the other may be as the visitor sent it.
    forwarded_header: ForwardedHeader = "x-forwarded-for"
    # Answers to unknown codes that one /24 or /48 gets of this process in a minute; then 429. Live links: never.
    unknown_per_minute: Annotated[int, msgspec.Meta(ge=1, description="a whole number of 1 or more")] = 300
    # `off`: the application alone answers taps, at a higher cost; shows whether a fault is in the fast path.
    fast_path: OnOrOff = "on"
    # Seconds that a stop waits for its clicks to reach ClickHouse; what is left stays in the spool.
    drain_s: Annotated[float, msgspec.Meta(ge=0, description="seconds, 0 or more")] = 20.0
    # What all connections hold together: requests that are being read, answers that are not yet. Beyond it the one that
    # has stood still for the longest is closed.
    held_mib: HeldMib = MAX_HELD_MIB
    # MiB that links from Redis may take in memory, where their next taps and their neighbours' find them. 0: none.
    link_memory: LinkMib = MAX_BLOCK_BYTES // MIB
    # What is logged to stderr; SIGUSR1 switches to debug and back.
    log_level: LogLevel = "info"

"""The settings of a control process, from the environment (prefix TAPTRAIL_)."""

from typing import Annotated, Literal

import msgspec

from control.access.given_keys import ApiKeys, OperatorKeys
from control.catalogue.app_schemes import AppSchemes
from control.catalogue.quotas import MAX_BROADCASTS, MAX_DOMAINS
from records.code import CodeKey
from records.networks import Networks
from runtime.environment import ClickHouseUrl, HeldMib, LogLevel, RedisUrl
from runtime.guard.budget import MAX_HELD_MIB

Text = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]
DnsServer = Annotated[
    str, msgspec.Meta(pattern=r"^((\[[0-9A-Fa-f:.]+\]|[0-9.]+)(:[0-9]{1,5})?)?$", description="address[:port]")
]
Quota = Annotated[int, msgspec.Meta(ge=0, description="a whole number, 0 or more")]
EdgeUrl = Annotated[str, msgspec.Meta(pattern=r"^(https?://[^/@?#]+/?)?$", description="http[s]://host[:port]")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The comment above a field is its description in docs/configuration.md, where no other record has given one."""

    code_key: CodeKey
    # First keys, which make all others (`taptrail key`); 16 characters or more, with every scope. `acme` sees all below
    # `acme/`, `*` every account.
    api_keys: ApiKeys
    # Keys for what concerns the whole installation: ledger, audit, the closing of lanes. Empty: nobody may.
    operator_keys: OperatorKeys = msgspec.field(default_factory=OperatorKeys)
    redis_url: RedisUrl
    clicks_redis_url: RedisUrl
    clickhouse_url: ClickHouseUrl
    host: Text = "127.0.0.1"
    port: Port = 8081
    ops_host: Text = "127.0.0.1"
    ops_port: Port = 9102
    # For trials: recipients' browsers warn of http.
    allow_http_destinations: bool = False
    # For trials: recipients cannot reach such addresses.
    allow_private_destinations: bool = False
    # Schemes of destinations beside https that a phone opens in an app. Never javascript, data, file and their like.
    allow_schemes: AppSchemes = AppSchemes()
    # How many domains a top-level account and those below it may have.
    max_domains: Quota = MAX_DOMAINS
    # The same of broadcasts; those that come with shared links do not count.
    max_broadcasts: Quota = MAX_BROADCASTS
    # `dns`: an account registers a domain only after it has put a token, which the refusal names, into its DNS.
    domain_proof: Annotated[Literal["none", "dns"], msgspec.Meta(description="none or dns")] = "none"
    # The DNS server that is asked for that token, and for a domain that is checked; one that checks DNSSEC if you have
    # it. Empty: those of this host.
    dns_server: DnsServer = ""
    # How long links stay in Redis after minting; later taps find them in ClickHouse.
    link_cache_days: Annotated[float, msgspec.Meta(gt=0, description="days, more than 0")] = 90.0
    # Where verification asks for links under their short domains: any edge, such as `http://edge:8080`. Empty: nowhere.
    edge_url: EdgeUrl = ""
    # Networks that verification and domain checks may fetch from though they are not public, on any port and by http
    # too; for trials.
    fetch_allow: Networks = Networks()
    # Seconds after which verification asks a page that failed once more: what fails twice is no moment's fault.
    verify_second_try_s: Annotated[float, msgspec.Meta(ge=0, description="seconds, 0 or more")] = 30.0
    held_mib: HeldMib = MAX_HELD_MIB
    log_level: LogLevel = "info"

"""Finds what leads to a host already, before the host becomes a short domain and its visitors go in circles."""

import msgspec

from control.catalogue.destination_rules import destination_host
from runtime.clickhouse import ClickHouse


class Referrer(msgspec.Struct, frozen=True):
    """Something that leads to a host."""

    account: str
    name: str  # "broadcast spring", "domain go.acme.example"
    urls: list[str]


# Narrowed down here, judged by destination_host: a name with other letters may be this host in IDNA.
_REFERRERS = """
SELECT account, name, urls FROM
(
    SELECT account, concat('broadcast ', broadcast_id) AS name, arrayPushBack(destinations, fallback) AS urls
    FROM broadcasts FINAL
    UNION ALL
    SELECT account, concat('domain ', short_domain) AS name, [home, not_found, expired] AS urls FROM domains FINAL
    WHERE NOT deleted
)
WHERE arrayExists(url -> positionCaseInsensitive(url, {host:String}) > 0 OR length(url) != lengthUTF8(url), urls)
ORDER BY name
"""


async def leading_to(clickhouse: ClickHouse, host: str) -> list[Referrer]:
    """The domains and broadcasts, over or not, that lead to this host (lower-case ASCII)."""
    found = await clickhouse.rows(_REFERRERS, Referrer, host=host)
    return [referrer for referrer in found if any(url and destination_host(url) == host for url in referrer.urls)]

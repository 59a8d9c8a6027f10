"""The statements that judge visits by those beside them. {since} is a parameter of each: Unix milliseconds."""

from visitors.agents import VisitClass
from visitors.neighbours import NEIGHBOUR_REASONS
from visitors.scanners import FEWEST_CONTACTS, LONG_S

MAP = "taptrail_internal.neighbour_verdicts"
MAX_OF_A_NETWORK = 200_000  # visits of one broadcast that are looked at; more are a flood, which other rules judge
HISTORY_DAYS = 30

# A visit that its headers show to be a machine's stays one, also beside people.
_JUDGED_HERE = "(visit_class IN ('human', 'unknown') OR hasAny(class_reasons, {neighbours:Array(String)}))"
_PERSONAL = "contact_id != '' AND ip_prefix != '' AND purpose != 'own-verify'"
_KEY = "account, broadcast_id, ip_prefix"

_FORMER = f"visit_class = 'human' AND clicked_at BETWEEN now() - INTERVAL {HISTORY_DAYS} DAY AND now() - INTERVAL 1 DAY"

# Networks of which something new has come that may be a scan. Late visits count for a day.
_CANDIDATES = f"""
SELECT {_KEY}, min(clicked_at) - {LONG_S * 2} AS since, max(clicked_at) + {LONG_S * 2} AS until
FROM clicks
LEFT JOIN (SELECT account, broadcast_id, sent_at_ms FROM broadcasts_now) AS sent USING account, broadcast_id
WHERE received_at >= fromUnixTimestamp64Milli({{since:Int64}})
    AND clicked_at >= fromUnixTimestamp64Milli({{since:Int64}}) - INTERVAL 1 DAY
    AND {_PERSONAL} AND {_JUDGED_HERE}
GROUP BY {_KEY}
HAVING uniqExact(contact_id) >= {FEWEST_CONTACTS} OR uniqExact(link_id) > uniqExact(contact_id)
    OR countIf(toUnixTimestamp64Milli(clicked_at) - sent_at_ms BETWEEN 0 AND 1000) > 0
"""  # noqa: S608

ROWS = f"""
SELECT {_KEY}, _partition_id AS partition, lane, seq, toUnixTimestamp64Milli(clicked_at) AS at_ms, link_id, contact_id,
    user_agent AS agent, toString(visit_class) AS visit_class, class_reasons
FROM clicks INNER JOIN ({_CANDIDATES}) AS candidates USING {_KEY}
WHERE clicked_at BETWEEN candidates.since AND candidates.until AND {_PERSONAL} AND {_JUDGED_HERE}
ORDER BY {_KEY} LIMIT {MAX_OF_A_NETWORK} BY {_KEY}
SETTINGS max_bytes_before_external_sort = 268435456
FORMAT JSONEachRow
"""  # noqa: S608

# Of broadcasts with new visits: how many a minute people make at the most, and how many lie before the send.
SENDINGS = """
SELECT account, broadcast_id, any(sent) AS sent_at_ms, any(links) AS links_a_message, sum(visits) AS visits,
    sum(early) AS before_send, max(people) AS people_a_minute
FROM
(
    SELECT account, broadcast_id, toStartOfMinute(clicked_at) AS minute, any(sent_at_ms) AS sent,
        any(length(destinations)) AS links, count() AS visits, countIf(visit_class = 'human') AS people,
        countIf(toUnixTimestamp64Milli(clicked_at) < sent_at_ms) AS early
    FROM clicks
    INNER JOIN (SELECT account, broadcast_id, sent_at_ms, destinations FROM broadcasts_now) AS sent
        USING account, broadcast_id
    WHERE contact_id != '' AND (account, broadcast_id) IN
    (
        SELECT DISTINCT account, broadcast_id FROM clicks WHERE received_at >= fromUnixTimestamp64Milli({since:Int64})
    )
    GROUP BY account, broadcast_id, minute
)
GROUP BY account, broadcast_id
"""

# Of all visits by people before the last day, what came from the networks that may be scanning.
SHARES = f"""
SELECT ip_prefix, count() / (SELECT count() FROM clicks WHERE {_FORMER}) AS share
FROM clicks WHERE {_FORMER} AND ip_prefix IN (SELECT ip_prefix FROM ({_CANDIDATES}))
GROUP BY ip_prefix
"""  # noqa: S608


def update(partition: str, run: int, verdicts: list[tuple[str, ...]]) -> str:
    """Makes scanners of the visits in the map, in one partition, and comes back when that is done."""
    mapped = f"SELECT lane, seq FROM {MAP} WHERE run = {run}"  # noqa: S608
    reasons = ", ".join(
        f"(lane, seq) IN ({mapped} AND verdict = {number}), {list(verdict)}" for number, verdict in enumerate(verdicts)
    )
    return f"""
ALTER TABLE clicks UPDATE
    visit_class = '{VisitClass.SCANNER.value}', class_reasons = multiIf({reasons}, class_reasons)
IN PARTITION ID '{partition}'
WHERE {_JUDGED_HERE} AND (lane, seq) IN ({mapped})
SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1
""".replace("{neighbours:Array(String)}", str(list(NEIGHBOUR_REASONS)))

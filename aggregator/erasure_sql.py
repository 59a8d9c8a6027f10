"""The statements that erase contacts. None names one: ClickHouse keeps the text of a mutation, also after it is done.

Ids and secrets are read from NAMES by the statement itself, from MergeTree tables: a mutation that was cut off reads
them again when it goes on.
"""

from collections.abc import Iterable

from records.erasure import ERASED_LINKS, ERASURES, EXPIRIES, IS_TOKEN, NAMES, STEPS, TOKEN
from records.link import CANARY

# Not replaced by what the sub-queries give: that would be the ids.
MUTATION = (
    "SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1,"
    " mutations_execute_subqueries_on_initiator = 0, mutations_execute_nondeterministic_on_initiator = 0"
)
_CLAIMS = "taptrail_internal.mints"
_WITHIN = "({account} = name.account OR startsWith({account}, concat(name.account, '/')))"

PENDING = f"""
SELECT asked.erasure AS erasure, maxMap(map(toString(step), toUnixTimestamp64Milli(done_at))) AS steps,
    toBool(asked.erasure IN (SELECT erasure FROM {NAMES})) AS is_named, toUnixTimestamp64Milli(now64(3)) AS now_ms
FROM {ERASURES} AS asked LEFT JOIN {STEPS} AS steps USING erasure
WHERE asked.erasure NOT IN (SELECT erasure FROM {STEPS} WHERE step = 'done')
GROUP BY erasure ORDER BY erasure LIMIT {{most:UInt32}}
"""  # noqa: S608

# Names whose request was cut off, and has been answered with an error. A day old: it has ended long ago.
CUT_OFF = f"""
SELECT groupUniqArray(erasure) FROM {NAMES}
WHERE erasure NOT IN (SELECT erasure FROM {ERASURES}) AND written_at < now() - INTERVAL 1 DAY
"""  # noqa: S608


def count_links_to_clear(erasures: Iterable[int]) -> str:
    return f"SELECT count() FROM links WHERE {_links_to_clear(erasures)}"  # noqa: S608


def find_links(erasures: Iterable[int]) -> str:
    """Note the links of the contacts with their tokens. The same again gives the same tokens.

    Where a contact is erased twice at once, the first erasure gives the token, and its links stop if one says so.
    """
    mark = f"if(startsWith(link.contact_id, '{CANARY}'), '{CANARY}', '')"
    token = f"concat({mark}, '{TOKEN}', lower(hex(sipHash128(name.secret, link.broadcast_no))))"
    return f"""
INSERT INTO {ERASED_LINKS} (link_id, token, stopped, erasure)
SELECT link.link_id, argMin({token}, name.erasure), max(asked.links = 'stop'), min(name.erasure)
FROM links AS link INNER JOIN ({_ids(erasures)}) AS name ON link.contact_id = name.contact_id
INNER JOIN {ERASURES} AS asked ON asked.erasure = name.erasure
WHERE {_WITHIN.format(account="link.account")}
GROUP BY link.link_id
"""  # noqa: S608


def find_links_to_stop(erasures: Iterable[int]) -> str:
    """Note the links of contacts that were erased before, where it is only now that they are to stop."""
    again = f"SELECT contact_hash FROM {ERASURES} WHERE links = 'stop' AND erasure IN {_numbers(erasures)}"  # noqa: S608
    return f"""
INSERT INTO {ERASED_LINKS} (link_id, token, stopped, erasure)
SELECT link_id, token, true, asked.now FROM {ERASED_LINKS} AS mapped INNER JOIN
(
    SELECT former.erasure AS erasure, max(later.erasure) AS now FROM {ERASURES} AS former
    INNER JOIN {ERASURES} AS later USING contact_hash
    WHERE contact_hash IN ({again}) AND later.erasure IN {_numbers(erasures)} AND former.erasure < later.erasure
    GROUP BY former.erasure
) AS asked USING erasure
WHERE NOT stopped
"""  # noqa: S608


def clear_links(erasures: Iterable[int]) -> str:
    """Tokens in place of contacts, no field; no code where a link is over."""
    return f"""
ALTER TABLE links UPDATE
    contact_id = {_token(erasures)}, fields = map(),
    code = if(link_id IN ({_stopped(erasures)}), '', code)
WHERE {_links_to_clear(erasures)}
{MUTATION}
"""


def partitions_with(erasures: Iterable[int]) -> str:
    """Of clicks, those with a click that is still to be erased, and how many."""
    return f"""
SELECT _partition_id AS partition, count() AS rows FROM clicks WHERE {_uncleared(erasures)}
GROUP BY partition ORDER BY partition
"""  # noqa: S608


def clear_clicks(erasures: Iterable[int], partition: str) -> str:
    """The token in place of the contact, and nothing of the visitor that leads to a person.

    Visitors stay different from each other, by a hash that nobody can make again: figures count them.
    """
    secret = f"(SELECT min(secret) FROM {NAMES} WHERE erasure IN {_numbers(erasures)})"  # noqa: S608
    return f"""
ALTER TABLE clicks UPDATE
    contact_id = {_token(erasures)}, visitor_id = if(visitor_id = 0, 0, sipHash64({secret}, visitor_id)),
    user_agent = '', sec_ch_ua = '', ip_prefix = '', code = '', destination = '', query_marks = map()
IN PARTITION ID '{partition}'
WHERE {_uncleared(erasures)}
{MUTATION}
"""


def count_claims(erasures: Iterable[int]) -> str:
    return f"SELECT count() FROM {_CLAIMS} WHERE {_is_claim_to_clear(erasures)}"  # noqa: S608


def clear_claims(erasures: Iterable[int]) -> str:
    """No hash of a list that had the contact: of a short one it can be guessed."""
    return f"ALTER TABLE {_CLAIMS} UPDATE body_hash = '' WHERE {_is_claim_to_clear(erasures)} {MUTATION}"


def count_claims_named(erasures: Iterable[int]) -> str:
    return f"SELECT count() FROM {_CLAIMS} WHERE {_is_claim_named(erasures)}"  # noqa: S608


def drop_claims(erasures: Iterable[int]) -> str:
    """Claims whose Idempotency-Key holds the id, such as welcome-c-4711. Their links stay what they are."""
    return f"ALTER TABLE {_CLAIMS} DELETE WHERE {_is_claim_named(erasures)} {MUTATION}"


# What of a dead letter decodes no more may be anything. So all of it goes where it holds the contact's id behind its
# account's, as every click does; other accounts' stay.
def clear_dead(erasures: Iterable[int]) -> str:
    return f"ALTER TABLE dead_clicks UPDATE payload = '' WHERE {_is_in_dead(erasures)} {MUTATION}"


def count_dead(erasures: Iterable[int]) -> str:
    return f"SELECT count() FROM dead_clicks WHERE {_is_in_dead(erasures)}"  # noqa: S608


def count_links(erasures: Iterable[int]) -> str:
    """Links that still have the id: minted while the erasure went on."""
    return f"""
SELECT count() FROM links AS link INNER JOIN ({_ids(erasures)}) AS name ON link.contact_id = name.contact_id
WHERE {_WITHIN.format(account="link.account")}
"""  # noqa: S608


# Rows of contacts that a run is erasing anyway are named until it is done, and their links are not.
RUNNING_EXPIRIES = f"""
SELECT count() FROM {EXPIRIES} WHERE until_link NOT IN (SELECT until_link FROM {EXPIRIES} WHERE step = 'done')
"""  # noqa: S608


def erased_since(written_ms: int) -> str:
    return f"SELECT link_id FROM {ERASED_LINKS} WHERE written_at >= fromUnixTimestamp64Milli(toInt64({written_ms}))"  # noqa: S608


def tokens_of(link_ids: Iterable[int]) -> str:
    among = _numbers(link_ids)
    return (
        f"SELECT link_id, argMin(token, erasure) AS token FROM {ERASED_LINKS} WHERE link_id IN {among} GROUP BY link_id"  # noqa: S608
    )


def _ids(erasures: Iterable[int]) -> str:
    """Of the contacts, and of the canaries that were sent to them."""
    return f"""
    SELECT erasure, account, secret, arrayJoin([names.contact_id, concat('{CANARY}', names.contact_id)]) AS contact_id
    FROM {NAMES} AS names WHERE erasure IN {_numbers(erasures)}
"""  # noqa: S608


def _uncleared(erasures: Iterable[int]) -> str:
    return f"link_id IN (SELECT link_id FROM ({_mapped(erasures)})) AND NOT {IS_TOKEN}"  # noqa: S608


def _links_to_clear(erasures: Iterable[int]) -> str:
    return (
        f"link_id IN (SELECT link_id FROM ({_mapped(erasures)}))"  # noqa: S608
        f" AND (contact_id != {_token(erasures)} OR code != '' AND link_id IN ({_stopped(erasures)}))"
    )


def _stopped(erasures: Iterable[int]) -> str:
    return f"SELECT link_id FROM ({_mapped(erasures)}) WHERE stopped"  # noqa: S608


def _mapped(erasures: Iterable[int]) -> str:
    return f"SELECT link_id, token, stopped, erasure FROM {ERASED_LINKS} WHERE erasure IN {_numbers(erasures)}"  # noqa: S608


def _token(erasures: Iterable[int]) -> str:
    """Of the row's link: that of its first erasure, as in tokens_of.

    All in one sub-query: two that read the same rows may read them in another order.
    """
    tokens = f"""(
        SELECT (groupArray(link_id), groupArray(token)) FROM
        (
            SELECT link_id, argMin(token, erasure) AS token FROM {ERASED_LINKS}
            WHERE link_id IN (SELECT link_id FROM ({_mapped(erasures)})) GROUP BY link_id
        )
    )"""  # noqa: S608
    return f"transform(link_id, ({tokens}).1, ({tokens}).2, contact_id)"


def _is_claim_to_clear(erasures: Iterable[int]) -> str:
    return f"body_hash != '' AND first_link_id IN ({_claims(erasures)})"


def _is_claim_named(erasures: Iterable[int]) -> str:
    names = f"(SELECT groupArray(contact_id) FROM {NAMES} WHERE erasure IN {_numbers(erasures)})"  # noqa: S608
    is_named = f"arrayExists(name -> position(idempotency_key, name) > 0, {names})"
    return f"{is_named} AND first_link_id IN ({_claims(erasures)})"


def _claims(erasures: Iterable[int]) -> str:
    """First link ids of the claims that gave the contacts their links: claims do not overlap."""
    return f"""
    SELECT claims.first_link_id FROM (SELECT link_id, 1 AS one FROM ({_mapped(erasures)})) AS mapped
    ASOF JOIN (SELECT first_link_id, links, 1 AS one FROM {_CLAIMS}) AS claims
    ON mapped.one = claims.one AND mapped.link_id >= claims.first_link_id
    WHERE mapped.link_id < claims.first_link_id + claims.links
"""  # noqa: S608


def _is_in_dead(erasures: Iterable[int]) -> str:
    names = f"(SELECT groupArray((account, contact_id)) FROM {NAMES} WHERE erasure IN {_numbers(erasures)})"  # noqa: S608
    found = "position(tryBase64Decode(payload), name.1) > 0 AND position(tryBase64Decode(payload), name.2) > 0"
    return f"arrayExists(name -> {found}, {names})"


def _numbers(numbers: Iterable[int]) -> str:
    return f"({', '.join(map(str, sorted(numbers)))})"

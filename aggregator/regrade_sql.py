"""The statements that judge clicks again. {version}, {since}, {broadcast} and {run} are parameters of each."""

from records.erasure import IS_TOKEN
from visitors.evidence import Evidence

RUNS, MAP = "taptrail_internal.regrades", "taptrail_internal.regrade_map"
CLASSES = "Enum8('unknown' = 0, 'human' = 1, 'preview' = 2, 'prefetch' = 3, 'scanner' = 4, 'bot' = 5)"

_EVIDENCE = ", ".join(Evidence.__struct_fields__)
# The key is as random as the run: no visitor can make headers up whose hash is that of somebody else's. The former
# verdict is part of it, so that rows are left alone where the same evidence has the right verdict already.
_HASH = (
    "sipHash64Keyed((toUInt64({run:UInt64}), toUInt64({run:UInt64})),"
    f" {_EVIDENCE}, toString(visit_class), class_reasons)"
)
# Not rows of this version: an aggregator of this release has judged them, also while a run goes on. Nor rows of erased
# contacts, nor older than agents are kept: they lack evidence, and keep their verdict.
_ASKED_FOR = (
    "classifier_version < {version:UInt16} AND clicked_at >= fromUnixTimestamp64Milli({since:Int64})"
    f" AND NOT {IS_TOKEN}"
    " AND ({keep:UInt16} = 0 OR clicked_at >= now() - toIntervalMonth({keep:UInt16}) + toIntervalDay(1))"
    " AND ({broadcast:String} = '' OR broadcast_id = {broadcast:String})"
)
# On disk where there is much, so that history of any length needs no more memory.
_WITHIN = "SETTINGS max_bytes_before_external_group_by = 268435456"

EVIDENCE = f"""
SELECT tuple({_EVIDENCE}), groupUniqArray((toString(visit_class), class_reasons, {_HASH}))
FROM clicks WHERE {_ASKED_FOR} GROUP BY {_EVIDENCE} {_WITHIN} FORMAT JSONCompactEachRow
"""  # noqa: S608

FORMER_VERSIONS = f"SELECT arraySort(groupUniqArray(classifier_version)) FROM clicks WHERE {_ASKED_FOR}"  # noqa: S608

CHANGES = f"""
SELECT partition, chunk, broadcast_id, old, new, count() AS rows
FROM
(
    SELECT _partition_id AS partition, broadcast_id, toString(visit_class) AS old, {_HASH} AS evidence
    FROM clicks WHERE {_ASKED_FOR}
) AS judged
INNER JOIN
(
    SELECT evidence, chunk, toString(visit_class) AS new FROM {MAP} WHERE run = {{run:UInt64}}
) AS differing USING evidence
GROUP BY partition, chunk, broadcast_id, old, new {_WITHIN}
"""  # noqa: S608

IS_KNOWN = """
SELECT {broadcast:String} IN (SELECT broadcast_id FROM broadcasts)
    OR {broadcast:String} IN (SELECT broadcast_id FROM links)
    OR (SELECT count() > 0 FROM clicks WHERE broadcast_id = {broadcast:String})
"""

# All in one sub-query: two that read the same rows may read them in another order.
_VERDICTS = f"""
(
    SELECT (groupArray(evidence), groupArray(toString(visit_class)), groupArray(arrayStringConcat(class_reasons, ',')))
    FROM {MAP} WHERE run = {{run:UInt64}} AND chunk = {{chunk:UInt32}}
)
"""  # noqa: S608


def update(partition: str, chunk: int) -> str:
    """Writes the verdicts of a chunk into a partition, and comes back when that is done.

    The map is read by the mutation, also when it goes on after a kill. Not a dictionary: its source would need a user
    and a password of its own, which stay readable in the statement.
    """
    return f"""
ALTER TABLE clicks UPDATE
    visit_class = CAST(transform({_HASH}, ({_VERDICTS}).1, ({_VERDICTS}).2, toString(visit_class)) AS {CLASSES}),
    class_reasons = splitByChar(',', transform({_HASH}, ({_VERDICTS}).1, ({_VERDICTS}).3, '')),
    classifier_version = {{version:UInt16}}
IN PARTITION ID '{partition}'
WHERE {_ASKED_FOR} AND {_HASH} IN (SELECT evidence FROM {MAP} WHERE run = {{run:UInt64}} AND chunk = {{chunk:UInt32}})
SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1
""".replace("{chunk:UInt32}", str(chunk))  # noqa: S608

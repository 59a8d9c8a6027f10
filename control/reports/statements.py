"""The statements of a broadcast's report; docs/figures.md says what each figure is."""

# ruff: noqa: S608 - statements are put together from the constants of this module alone

from control.reports.shapes import Canaries, Classes

# A visitor is an address and a browser on one day. One person may well be three of them: at home, on the way, in the
# browser inside the messaging app. Where one link went to many recipients they are soon more.
VISITORS_OF_ONE_PERSON = 3
SECONDS_MARKS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800)

_HERE = "account = {account:String} AND broadcast_id = {id:String}"
_CLICKS = f"FROM clicks WHERE {_HERE} AND counted"
_PEOPLE = f"FROM clicks WHERE {_HERE} AND engaged"
# What lists count: people, or whatever was counted where a report is narrowed to a class of visits.
_LISTED = f"FROM clicks WHERE {_HERE} AND (engaged OR {{all:Bool}} AND counted)"
CLASS_COUNTS = ", ".join(f"countIf(visit_class = '{name}') AS {name}" for name in Classes.__struct_fields__)

TOTAL = f"SELECT links, contacts, unique_contacts, click_through_rate FROM broadcast_report WHERE {_HERE}"
CLASSES = f"SELECT {CLASS_COUNTS} {_CLICKS}"
SECONDS = f"""
SELECT
    quantilesExactOrNull(0.5, 0.9)(seconds) AS quantiles, count() AS contacts,
    sumForEach(arrayMap(mark -> seconds <= mark, {list(SECONDS_MARKS)})) AS within
FROM
(
    SELECT (toUnixTimestamp64Milli(min(clicked_at)) - {{sent:Int64}}) / 1000 AS seconds
    {_PEOPLE} AND contact_id != '' AND clicked_at >= fromUnixTimestamp64Milli({{sent:Int64}}) GROUP BY contact_id
)
"""
# broadcast_no as well: its index leaves out most of the table.
FIRST_MINTED = f"""
SELECT toUnixTimestamp64Milli(minOrNull(minted_at)) FROM links
WHERE {_HERE} AND broadcast_no = {{no:UInt64}} AND kind != 'canary'
"""
# The salt of visitor ids changes with the UTC day: over several days everybody is somebody else.
PASSED_ON = f"""
SELECT uniqExact(link_id) FROM
(
    SELECT link_id {_PEOPLE} AND contact_id != ''
    GROUP BY link_id, toDate(clicked_at)
    HAVING uniqUpTo({VISITORS_OF_ONE_PERSON})(visitor_id) > {VISITORS_OF_ONE_PERSON}
)
"""
VISITORS = f"SELECT uniqExact(visitor_id) {_PEOPLE} AND contact_id = ''"
PREVIEWS = f"SELECT uniqExact(contact_id) {_CLICKS} AND visit_class = 'preview' AND contact_id != ''"
FORWARDED = f"SELECT count() AS links, sum(other_clicks) AS taps FROM forwarded_links WHERE {_HERE}"
SEGMENTS = f"""
SELECT sum(messages) AS messages, sum(segments) AS segments,
    CAST(sumMap(by_segments), 'Map(String, UInt64)') AS by_segments
FROM compositions FINAL WHERE {_HERE}
"""
# A count that is no fault while it is small has to be this share of what it is of.
WARNINGS = f"""
SELECT warning, count FROM
(
    WITH
        countIf(visit_class = 'human' AND NOT engaged AND NOT is_canary) AS over,
        countIf(engaged AND contact_id != '') AS taps,
        countIf(engaged AND contact_id != '' AND clicked_at < fromUnixTimestamp64Milli({{sent:Int64}})) AS before,
        countIf(counted AND visit_class = 'unknown') AS unjudged,
        uniqExactIf(
            link_id, is_canary AND visit_class = 'human' AND status BETWEEN 300 AND 399 AND refusal = ''
        ) AS canaries
    SELECT arrayJoin([
        ('found-it-over', over), ('taps-before-send', if(before > 0.01 * taps, before, 0)),
        ('unjudged-visits', if(unjudged > 0.05 * countIf(counted), unjudged, 0)), ('canaries-judged-human', canaries)
    ]) AS found, found.1 AS warning, found.2 AS count
    FROM clicks WHERE {_HERE}
    UNION ALL
    SELECT ('', 0), one.1, sum(one.2) FROM
    (
        SELECT arrayJoin(by_warning::Array(Tuple(String, UInt64))) AS one FROM compositions FINAL WHERE {_HERE}
    )
    GROUP BY one.1
)
WHERE count > 0
"""
# No row where there are no canaries.
CANARIES = f"SELECT {', '.join(Canaries.__struct_fields__)} FROM canary_report WHERE {_HERE}"
# Differs when a report may: after clicks, verdicts, mintings and changes.
STATE = f"""
SELECT *, (SELECT count() FROM links WHERE {_HERE}), (SELECT max(version) FROM broadcasts WHERE {_HERE})
FROM (SELECT count(), {CLASS_COUNTS} FROM clicks WHERE {_HERE})
"""
# The destinations after each change of them.
FORMER = """
SELECT version, JSONExtract(after, 'destinations', 'Array(String)') AS destinations FROM changes
WHERE kind = 'broadcast' AND account = {account:String} AND name = {id:String} AND JSONHas(after, 'destinations')
ORDER BY version
"""


def _grouped(view: str, columns: str, more: str = "account") -> str:
    return f"""
    SELECT {columns}, {more}, links, human_clicks + if({{all:Bool}}, machine_clicks, 0) AS clicks, unique_contacts,
        click_through_rate
    FROM {view} WHERE {_HERE} ORDER BY links DESC, {columns}
    """


def _counted(group: str, order: str = "", **said: str) -> str:
    """Taps by these columns, those with the most first. said: a column that is no column of clicks."""
    columns = ", ".join(f"{said[name]} AS {name}" if name in said else name for name in group.split(", "))
    ordered = order or f"clicks DESC, {group}"
    return f"SELECT {columns}, count() AS clicks {_LISTED} GROUP BY {group} ORDER BY {ordered} LIMIT 10000"


BY_AUDIENCE = _grouped("audience_report", "audience")
BY_DESTINATION = _grouped("destination_report", "destination_index, destination_version", "in_force")
BY_DEVICE, BY_OS, BY_BROWSER = _counted("device_type"), _counted("os"), _counted("browser")
BY_RULE = _counted("rule", rule="''")  # no broadcast has rules yet: every tap went by none
BY_COUNTRY, BY_REGION = _counted("country"), _counted("country, region")
BY_HOUR = _counted("hour", "hour", hour="formatDateTime(clicked_at, '%Y-%m-%dT%H:00:00Z', 'UTC')")
BY_WEEKDAY_HOUR = _counted(
    "weekday, hour", "weekday, hour",
    weekday="toDayOfWeek(clicked_at, 0, {tz:String})", hour="toHour(clicked_at, {tz:String})",
)  # fmt: skip
BY_HOUR_SINCE_SEND = f"""
SELECT intDiv(toUnixTimestamp64Milli(clicked_at) - {{sent:Int64}}, 3600000) AS hour, count() AS clicks
{_LISTED} AND clicked_at >= fromUnixTimestamp64Milli({{sent:Int64}}) GROUP BY hour ORDER BY hour LIMIT 10000
"""
# How long visits came for.
SPAN = f"SELECT toUnixTimestamp(max(clicked_at)) - toUnixTimestamp(min(clicked_at)) {_CLICKS}"
# Steps of the clock in the zone. 1970 began on a Thursday: three days later, so that steps of weeks begin on Mondays.
BY_TIME = f"""
SELECT formatDateTime(toDateTime(step, 'UTC'), '%Y-%m-%dT%H:%i:%S') AS begins_at, {{step:UInt32}} AS step_s,
    people, machines, unknown
FROM
(
    SELECT
        intDiv(
            toUnixTimestamp(clicked_at) + timezoneOffset(toTimeZone(clicked_at, {{tz:String}})) + 259200,
            {{step:UInt32}}
        ) * {{step:UInt32}} - 259200 AS step,
        countIf(engaged) AS people, countIf(visit_class = 'unknown') AS unknown, count() - people - unknown AS machines
    {_CLICKS} GROUP BY step ORDER BY step WITH FILL STEP {{step:UInt32}}
)
ORDER BY step LIMIT 10000
"""
# Why what was counted and is no person has its class: the first reason decided.
BY_REASON = f"""
SELECT visit_class, class_reasons[1] AS reason, count() AS clicks {_CLICKS} AND visit_class != 'human'
GROUP BY visit_class, reason ORDER BY clicks DESC, visit_class, reason LIMIT 10000
"""

# Summed over an account and those below it.
_BELOW = "(account = {account:String} OR startsWith(account, concat({account:String}, '/')))"
ACCOUNT_CLASSES = f"SELECT {CLASS_COUNTS} FROM clicks WHERE {_BELOW} AND counted"
BY_ACCOUNT = f"""
SELECT
    account, countIf(NOT startsWith(broadcast_id, 'shared:')) AS broadcasts, sum(links) AS links,
    sum(contacts) AS contacts, sum(human_clicks) AS clicks, sum(unique_contacts) AS unique_contacts,
    if(contacts = 0, 0, unique_contacts / contacts) AS click_through_rate
FROM (SELECT * FROM broadcast_report WHERE {_BELOW})
GROUP BY account ORDER BY account LIMIT 10000
"""

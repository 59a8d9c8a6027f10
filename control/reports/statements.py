"""The statements of a broadcast's report; docs/figures.md says what each figure is.

Each reads the visits of the broadcast once for everything that is counted in the same way.
"""

# ruff: noqa: S608 - statements are put together from the constants of this module alone

from control.reports.grouping_sets import keys, name_of_list, sets
from control.reports.shapes import Canaries, Classes
from records.erasure import EXPIRIES, STEPS

# A visitor is an address and a browser on one day. One person may well be three of them: at home, on the way, in the
# browser inside the messaging app. Where one link went to many recipients they are soon more.
VISITORS_OF_ONE_PERSON = 3
SECONDS_MARKS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800)

_HERE = "account = {account:String} AND broadcast_id = {id:String}"
_CLICKS = f"FROM clicks WHERE {_HERE} AND counted"
_PEOPLE = f"FROM clicks WHERE {_HERE} AND engaged"  # of those counted
_SENT = "fromUnixTimestamp64Milli({sent:Int64})"
CLASS_COUNTS = ", ".join(f"countIf(visit_class = '{name}') AS {name}" for name in Classes.__struct_fields__)

# Visits as a whole, and those without a contact. span_s: how long they came for.
VISITS = f"""
SELECT {CLASS_COUNTS}, uniqExactIf(visitor_id, engaged AND contact_id = '') AS visitors,
    toUnixTimestamp(max(clicked_at)) - toUnixTimestamp(min(clicked_at)) AS span_s
{_CLICKS}
"""
# Contacts, by a hash of 64 bits as the views count them.
PEOPLE = f"""
SELECT
    countIf(tapped) AS unique_contacts, countIf(previewed) AS previews_delivered,
    quantilesExactOrNullIf(0.5, 0.9)(seconds, taps_since > 0) AS quantiles, countIf(taps_since > 0) AS contacts,
    sumForEachIf(arrayMap(mark -> seconds <= mark, {list(SECONDS_MARKS)}), taps_since > 0) AS within
FROM
(
    SELECT
        max(engaged) AS tapped, max(visit_class = 'preview') AS previewed,
        countIf(engaged AND clicked_at >= {_SENT}) AS taps_since,
        (toUnixTimestamp64Milli(minIf(clicked_at, engaged AND clicked_at >= {_SENT})) - {{sent:Int64}}) / 1000
            AS seconds
    {_CLICKS} AND contact_id != '' GROUP BY sipHash64(contact_id)
)
"""
# Personal links with more than one tap: taps of other devices than the first, and whether too many visitors came on one
# day. The salt of their ids changes with the UTC day: over several days everybody is somebody else. In the order of the
# table, so that memory does not grow with the links.
LINKS = f"""
SELECT countIf(others > 0) AS links, sum(others) AS taps, countIf(passed_on) AS passed_on_links
FROM
(
    SELECT
        arrayCount(one -> one != argMin(device, (clicked_at, click_id)), groupArray(device)) AS others,
        arrayMax(arrayEnumerateUniq(groupUniqArray((toDate(clicked_at), visitor_id)).1)) > {VISITORS_OF_ONE_PERSON}
            AS passed_on
    FROM
    (
        SELECT link_id, clicked_at, click_id, visitor_id, cityHash64(device_type, os, browser) AS device
        {_PEOPLE} AND contact_id != ''
            AND link_id IN (SELECT link_id {_PEOPLE} AND contact_id != '' GROUP BY link_id HAVING count() > 1)
    )
    GROUP BY link_id
    SETTINGS optimize_aggregation_in_order = 1
)
"""
SEGMENTS = f"""
SELECT sum(messages) AS messages, sum(segments) AS segments,
    CAST(sumMap(by_segments), 'Map(String, UInt64)') AS by_segments,
    CAST(sumMap(by_warning), 'Map(String, UInt64)') AS by_warning
FROM compositions FINAL WHERE {_HERE}
"""
# A count that is no fault while it is small has to be this share of what it is of.
WARNINGS = f"""
WITH
    countIf(visit_class = 'human' AND NOT engaged AND NOT is_canary) AS over,
    countIf(engaged AND contact_id != '') AS taps,
    countIf(engaged AND contact_id != '' AND clicked_at < {_SENT}) AS before,
    countIf(counted AND visit_class = 'unknown') AS unjudged,
    uniqExactIf(
        link_id, is_canary AND visit_class = 'human' AND status BETWEEN 300 AND 399 AND refusal = ''
    ) AS canaries
SELECT arrayJoin([
    ('found-it-over', over), ('taps-before-send', if(before > 0.01 * taps, before, 0)),
    ('unjudged-visits', if(unjudged > 0.05 * countIf(counted), unjudged, 0)), ('canaries-judged-human', canaries)
]) AS found, found.1 AS warning, found.2 AS count
FROM clicks WHERE {_HERE}
"""
# No row where there are no canaries.
CANARIES = f"SELECT {', '.join(Canaries.__struct_fields__)} FROM canary_report WHERE {_HERE}"

# By the number as well: the projection that answers MINTED_STATE begins with it, and an index leaves out other links.
_MINTED = f"FROM links WHERE broadcast_no = {{no:UInt64}} AND {_HERE}"
_MINTED_LISTS = {"all": (), "by_audience": ("audience",), "by_destination": ("destination_index",)}
# Differs when MINTED may: after mintings, and when ids of contacts have been replaced.
MINTED_STATE = f"""
SELECT *, (SELECT count() FROM {STEPS}), (SELECT count() FROM {EXPIRIES})
FROM (SELECT kind, audience, destination_index, count() {_MINTED} GROUP BY kind, audience, destination_index)
ORDER BY ALL
"""
MINTED = f"""
SELECT
    {name_of_list(_MINTED_LISTS)} AS list, {keys(_MINTED_LISTS)},
    countIf(kind != 'canary') AS links, countIf(kind = 'canary') AS canaries,
    uniqExactIf(contact, kind != 'canary' AND is_contact) AS contacts,
    toUnixTimestamp64Milli(minOrNullIf(minted_at, kind != 'canary')) AS first_ms
FROM
(
    SELECT toString(kind) AS kind, toString(audience) AS audience, destination_index, minted_at,
        sipHash64(contact_id) AS contact, contact_id != '' AS is_contact
    {_MINTED}
)
GROUP BY {sets(_MINTED_LISTS)}
"""
# Differs when a report may: after clicks, verdicts, mintings and changes.
STATE = f"""
WITH (SELECT max(broadcast_no) FROM broadcasts WHERE {_HERE}) AS no
SELECT
    *, (SELECT count() FROM links WHERE broadcast_no = no AND {_HERE}),
    (SELECT max(version) FROM broadcasts WHERE {_HERE})
FROM (SELECT count(), {CLASS_COUNTS} FROM clicks WHERE {_HERE})
"""
# The destinations after each change of them.
FORMER = """
SELECT version, JSONExtract(after, 'destinations', 'Array(String)') AS destinations FROM changes
WHERE kind = 'broadcast' AND account = {account:String} AND name = {id:String} AND JSONHas(after, 'destinations')
ORDER BY version
"""

# The lists that have links and contacts beside taps. clicks: of people, or whatever was counted where a report is
# narrowed to a class of visits.
_TAPPED_LISTS = {"by_audience": ("audience",), "by_destination": ("destination_index", "destination_version")}
TAPPED = f"""
SELECT
    {name_of_list(_TAPPED_LISTS)} AS list, {keys(_TAPPED_LISTS)},
    countIf(engaged OR {{all:Bool}}) AS clicks, uniqExactIf(contact, engaged AND is_contact) AS unique_contacts
FROM
(
    SELECT toString(audience) AS audience, destination_index, greatest(destination_version, 1) AS destination_version,
        engaged, sipHash64(contact_id) AS contact, contact_id != '' AS is_contact
    {_CLICKS}
)
GROUP BY {sets(_TAPPED_LISTS)}
"""
# The lists of visits alone. Those of time are in its order, the others begin with the most.
LISTS = {
    "by_device": ("device_type",), "by_os": ("os",), "by_browser": ("browser",), "by_country": ("country",),
    "by_region": ("country", "region"), "by_reason": ("visit_class", "reason"), "by_hour": ("began",),
    "by_hour_since_send": ("since_send",), "by_weekday_hour": ("weekday", "hour"), "by_time": ("step",),
}  # fmt: skip
_IN_ORDER = ("by_hour", "by_hour_since_send", "by_weekday_hour", "by_time")
# Steps of the clock in the zone. 1970 began on a Thursday: three days later, so that steps of weeks begin on Mondays.
_STEP = """
intDiv(toUnixTimestamp(clicked_at) + timezoneOffset(toTimeZone(clicked_at, {tz:String})) + 259200, {step:UInt32})
    * {step:UInt32} - 259200
"""
# Why what was counted and is no person has its class: the first reason decided.
LISTED = f"""
SELECT
    {name_of_list(LISTS)} AS list, {keys(LISTS)}, countIf(engaged) AS people, countIf(unjudged) AS unknown,
    count() - people - unknown AS machines,
    if(list IN ('by_reason', 'by_time'), count(), countIf(engaged OR {{all:Bool}})) AS clicks
FROM
(
    SELECT device_type, os, browser, country, region, visit_class, class_reasons[1] AS reason, engaged,
        visit_class = 'unknown' AS unjudged, toUnixTimestamp(toStartOfHour(clicked_at, 'UTC')) AS began,
        if(clicked_at < {_SENT}, -1, intDiv(toUnixTimestamp64Milli(clicked_at) - {{sent:Int64}}, 3600000))
            AS since_send,
        toDayOfWeek(clicked_at, 0, {{tz:String}}) AS weekday, toHour(clicked_at, {{tz:String}}) AS hour, {_STEP} AS step
    {_CLICKS}
)
GROUP BY {sets(LISTS)}
HAVING clicks > 0 AND since_send >= 0 AND NOT (list = 'by_reason' AND visit_class = 'human')
ORDER BY list, if(list IN {_IN_ORDER}, 0, clicks) DESC, {keys(LISTS)} LIMIT 10000 BY list
"""

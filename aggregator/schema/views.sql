-- The views as they are now, made again at every start of an aggregator, after the migrations: a change needs no file of
-- its own, and SELECT * has the columns that a migration has added.
--
-- What analysts ask most. What counts, and what is engagement, say the columns `counted` and `engaged` of clicks. Links and
-- clicks are put side by side by UNION ALL: a condition on account or broadcast_id reaches both. Canaries are in
-- canary_report alone.

CREATE OR REPLACE VIEW broadcasts_now AS
SELECT * EXCEPT change,
    fromUnixTimestamp64Milli(toInt64(nullIf(sent_at_ms, 0)), 'UTC') AS sent_at,
    fromUnixTimestamp64Milli(toInt64(nullIf(valid_from_ms, 0)), 'UTC') AS valid_from,
    fromUnixTimestamp64Milli(toInt64(nullIf(expires_at_ms, 0)), 'UTC') AS expires_at
FROM broadcasts FINAL;

CREATE OR REPLACE VIEW domains_now AS SELECT * EXCEPT (deleted, change) FROM domains FINAL WHERE NOT deleted;

-- Who changed what, and when. `version` counts the changes of one record: 1, 2, 3, ...
CREATE OR REPLACE VIEW changes AS
SELECT
    account, kind, name,
    row_number() OVER (PARTITION BY kind, account, name ORDER BY written) AS version,
    who_account, who_key, what, before, after,
    fromUnixTimestamp64Milli(toInt64(written), 'UTC') AS changed_at
FROM change_log FINAL;

-- Every broadcast, also those without links or taps: the times of human clicks are NULL then.
--
-- Here and in audience_report contacts are counted by a hash of 64 bits, and those with a link in destination_report: ids
-- took 1.2 to 2 times as long. Of a million contacts two are one with a chance of 1 in 37 million.
CREATE OR REPLACE VIEW broadcast_report AS
SELECT
    account, broadcast_id,
    sum(minted) AS links,
    uniqExactIf(contact, minted = 1 AND is_contact) AS contacts,
    countIf(engaged) AS human_clicks,
    countIf(visit_class = 'preview') AS preview_clicks,
    countIf(visit_class = 'prefetch') AS prefetch_clicks,
    countIf(visit_class = 'scanner') AS scanner_clicks,
    countIf(visit_class = 'bot') AS bot_clicks,
    countIf(visit_class = 'unknown') AS unknown_clicks,
    uniqExactIf(contact, engaged AND is_contact) AS unique_contacts,
    if(contacts = 0, 0, unique_contacts / contacts) AS click_through_rate,
    minOrNullIf(clicked_at, engaged) AS first_human_click_at,
    maxOrNullIf(clicked_at, engaged) AS last_human_click_at
FROM
(
    SELECT account, broadcast_id, sipHash64(contact_id) AS contact, contact_id != '' AS is_contact, 1 AS minted,
        '' AS visit_class, false AS engaged, minted_at AS clicked_at
    FROM links
    WHERE kind != 'canary'
    UNION ALL
    SELECT account, broadcast_id, sipHash64(contact_id), contact_id != '', 0, toString(visit_class), engaged, clicked_at
    FROM clicks
    WHERE counted
    UNION ALL
    SELECT account, broadcast_id, 0, false, 0, '', false, toDateTime64(0, 3, 'UTC') FROM broadcasts
)
GROUP BY account, broadcast_id;

-- Each destination that a broadcast had, by the change that put it in force: what a tap's destination_index and
-- destination_version name. Where it has not been changed yet since there is a history, it is not here.
CREATE OR REPLACE VIEW destinations AS
SELECT account, name AS broadcast_id, toUInt16(place - 1) AS destination_index, version AS destination_version,
    destination, changed_at AS in_force_since
FROM
(
    SELECT account, name, version, changed_at, JSONExtract(before, 'destinations', 'Array(String)') AS former,
        JSONExtract(after, 'destinations', 'Array(String)') AS latter
    FROM changes WHERE kind = 'broadcast'
)
ARRAY JOIN latter AS destination, arrayEnumerate(latter) AS place
WHERE destination != arrayElement(former, place);

-- A tap counts for the destination that it was sent to. Where destinations were changed, there is a row for each that was
-- tapped and for the one in force; links and contacts are those of the place in the broadcast, and stand in each of its rows.
CREATE OR REPLACE VIEW destination_report AS
SELECT
    account, broadcast_id, destination_index, destination_version, in_force, links, contacts, human_clicks, machine_clicks,
    unique_contacts, if(contacts = 0, 0, unique_contacts / contacts) AS click_through_rate
FROM
(
    SELECT
        account, broadcast_id, destination_index, destination_version,
        toBool(max(is_now)) AS in_force,
        sum(max(of_links)) OVER (PARTITION BY account, broadcast_id, destination_index) AS links,
        sum(max(of_contacts)) OVER (PARTITION BY account, broadcast_id, destination_index) AS contacts,
        sum(human) AS human_clicks,
        sum(machine) AS machine_clicks,
        uniqExactIf(contact_id, human AND contact_id != '') AS unique_contacts
    FROM
    (
        SELECT account, broadcast_id, destination_index, toUInt32(-1) AS destination_version, '' AS contact_id,
            count() AS of_links, uniqExactIf(sipHash64(links.contact_id), links.contact_id != '') AS of_contacts,
            false AS human, false AS machine, 0 AS is_now
        FROM links WHERE kind != 'canary' GROUP BY account, broadcast_id, destination_index
        UNION ALL
        SELECT account, broadcast_id, destination_index, greatest(destination_version, 1), contact_id,
            0, 0, engaged, NOT engaged, 0
        FROM clicks
        WHERE counted
        UNION ALL
        SELECT account, broadcast_id, toUInt16(place - 1), greatest(arrayElement(destination_versions, place), 1), '', 0, 0, false, false, 1
        FROM broadcasts FINAL ARRAY JOIN arrayEnumerate(destinations) AS place
    )
    GROUP BY account, broadcast_id, destination_index, destination_version
)
WHERE destination_version != toUInt32(-1) AND (links > 0 OR human_clicks + machine_clicks > 0);

CREATE OR REPLACE VIEW audience_report AS
SELECT
    account, broadcast_id, audience,
    sum(minted) AS links,
    uniqExactIf(contact, minted = 1 AND is_contact) AS contacts,
    countIf(human) AS human_clicks,
    sum(machine) AS machine_clicks,
    uniqExactIf(contact, human AND is_contact) AS unique_contacts,
    if(contacts = 0, 0, unique_contacts / contacts) AS click_through_rate
FROM
(
    SELECT account, broadcast_id, sipHash64(contact_id) AS contact, contact_id != '' AS is_contact,
        toString(audience) AS audience, 1 AS minted, false AS human, false AS machine
    FROM links
    WHERE kind != 'canary'
    UNION ALL
    SELECT account, broadcast_id, sipHash64(contact_id), contact_id != '', toString(audience), 0, engaged, NOT engaged
    FROM clicks
    WHERE counted
)
GROUP BY account, broadcast_id, audience;

CREATE OR REPLACE VIEW keyword_report AS
SELECT
    account, keyword,
    sum(minted) AS links,
    countIf(human) AS human_clicks,
    sum(machine) AS machine_clicks,
    uniqExactIf(visitor_id, human) AS visitors,
    uniqExactIf(tuple(broadcast_id, contact_id), human AND contact_id != '') AS unique_contacts
FROM
(
    SELECT account, toString(keyword) AS keyword, broadcast_id, contact_id, 0 AS visitor_id,
        1 AS minted, false AS human, false AS machine
    FROM links
    WHERE kind != 'canary'
    UNION ALL
    SELECT account, toString(keyword), broadcast_id, contact_id, visitor_id,
        0, engaged, NOT engaged
    FROM clicks
    WHERE counted
)
GROUP BY account, keyword;

-- What the queries of taps said of where people came from: a row for each value of each utm_*. A click id is hardly seen
-- twice, so what counts is which kinds there were: their values are left out.
CREATE OR REPLACE VIEW mark_report AS
SELECT
    account, broadcast_id, mark.1 AS name, if(startsWith(name, 'utm_'), mark.2, '') AS value,
    countIf(engaged) AS human_clicks,
    countIf(NOT engaged) AS machine_clicks,
    uniqExactIf(contact_id, engaged AND contact_id != '') AS unique_contacts
FROM clicks ARRAY JOIN CAST(query_marks, 'Array(Tuple(String, String))') AS mark
WHERE counted
GROUP BY account, broadcast_id, name, value;

-- Every contact that got a link, also those that never tapped it (human_clicks = 0). One person is another visitor on
-- another day, at another address and in another browser; many on one day are people who were sent the same link.
CREATE OR REPLACE VIEW contact_clicks AS
SELECT
    account, broadcast_id, contact_id,
    max(group_name) AS audience,
    sum(minted) AS links,
    countIf(human) AS human_clicks,
    sum(machine) AS machine_clicks,
    uniqExactIf(visitor_id, human) AS visitors,
    minOrNullIf(clicked_at, human) AS first_human_click_at,
    maxOrNullIf(clicked_at, human) AS last_human_click_at
FROM
(
    SELECT account, broadcast_id, contact_id, toString(audience) AS group_name, minted_at AS clicked_at,
        1 AS minted, false AS human, false AS machine, 0 AS visitor_id
    FROM links
    WHERE kind != 'canary'
    UNION ALL
    SELECT account, broadcast_id, contact_id, '', clicked_at, 0, engaged, NOT engaged, visitor_id
    FROM clicks
    WHERE counted
)
WHERE contact_id != ''
GROUP BY account, broadcast_id, contact_id;

-- Answered from the projection hourly: cheap over all of time. unique_contacts is an estimate (about 2 %). Its bots
-- include what verification asked, which the projection cannot leave out.
CREATE OR REPLACE VIEW hourly_clicks AS
SELECT
    account, broadcast_id,
    toStartOfHour(clicked_at) AS hour,
    visit_class, audience, country, device_type, destination_index, status, refusal, engaged,
    count() AS clicks,
    uniqCombined64If(12)(contact_id, contact_id != '') AS unique_contacts
FROM clicks
WHERE NOT is_canary
GROUP BY account, broadcast_id, toStartOfHour(clicked_at), visit_class, audience, country, device_type,
    destination_index, status, refusal, engaged
-- Else contact_id != '' is rewritten, is no longer what the projection has, and all rows are read.
SETTINGS optimize_empty_string_comparisons = 0;

-- Personal links that people tapped with devices that differ by type, system or browser: the recipient is the first of
-- them, the others were handed the link. Two devices of one person are two here.
CREATE OR REPLACE VIEW forwarded_links AS
SELECT
    account, broadcast_id, link_id,
    any(device_code) AS code,
    any(device_contact_id) AS contact_id,
    count() AS devices,
    argMin(taps, first) AS recipient_clicks,
    toUInt64(sum(taps) - recipient_clicks) AS other_clicks,
    arrayElement(arraySort(groupArray(first.1)), 2) AS forwarded_at
FROM
(
    SELECT account, broadcast_id, link_id, any(code) AS device_code, any(contact_id) AS device_contact_id,
        count() AS taps, min((clicked_at, click_id)) AS first
    FROM clicks
    WHERE engaged AND contact_id != ''
    GROUP BY account, broadcast_id, link_id, device_type, os, browser
)
GROUP BY account, broadcast_id, link_id
HAVING devices > 1;

-- Canaries: a tap is one that would count on another link. The shares lie with 95 % certainty between the two numbers of
-- *_95 (Wilson, J. Am. Stat. Assoc. 22 (1927) 209; 3.84... is the square of 1.96).
CREATE OR REPLACE VIEW canary_report AS
WITH
    3.841458820694124 AS z2,
    (hits, tries) -> if(tries = 0, [0., 1.], arrayMap(side -> least(1., greatest(0.,
        (hits + z2 / 2 + side * sqrt(z2 * (hits * (tries - hits) / tries + z2 / 4))) / (tries + z2)
    )), [-1, 1])) AS wilson
SELECT
    account, broadcast_id,
    sum(minted) AS links,
    uniqExactIf(link_id, tap) AS tapped,
    if(links = 0, 0, tapped / links) AS scan_rate,
    wilson(tapped, links) AS scan_rate_95,
    uniqExactIf(link_id, tap AND human) AS judged_human,
    if(tapped = 0, 0, judged_human / tapped) AS miss_rate,
    wilson(judged_human, tapped) AS miss_rate_95
FROM
(
    SELECT account, broadcast_id, link_id, 1 AS minted, false AS tap, false AS human FROM links WHERE kind = 'canary'
    UNION ALL
    SELECT account, broadcast_id, link_id, 0, true, visit_class = 'human' FROM clicks
    WHERE is_canary AND status BETWEEN 200 AND 399 AND refusal = '' AND purpose != 'own-verify'
)
GROUP BY account, broadcast_id;

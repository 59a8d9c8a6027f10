"""What the report of the scripted campaign has to say, counted from the script alone."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.scripted_campaign import CANARIES, CONTACTS, WHATSAPP, Done, Visit, audience


class Truth:
    """What the report of the played campaign has to say. Clocks differ: shares of time are asked for with a slack."""

    def __init__(self, done: list[Done], sent: float, texts_segments: list[int]) -> None:
        self._sent, self._segments = sent, texts_segments
        of_links = [one for one in done if one.visit.canary is None]
        self._of_canaries = [one for one in done if one.visit.canary is not None]
        self._late = [one for one in of_links if one.over]
        self.counted = [one for one in of_links if not one.over]
        self.people = [one for one in self.counted if one.visit.visitor.judged == "human"]
        self.of_contacts = [one for one in self.people if one.visit.contact is not None]
        self.of_poster = [one for one in self.people if one.visit.contact is None]

    def is_reached_by(self, report: dict[str, Any]) -> bool:
        """Whether the visits have arrived and were judged, also by those beside them."""
        tapped = report["canaries"]["tapped"], report["canaries"]["judged_human"]
        return report["clicks"] == self.totals()["clicks"] and tapped == (3, 1)

    def totals(self) -> dict[str, object]:
        judged = Counter(one.visit.visitor.judged for one in self.counted)
        tapped = {one.visit.contact for one in self.of_contacts}
        return {
            "links": CONTACTS * 2 + 1, "contacts": CONTACTS, "unique_contacts": len(tapped),
            "click_through_rate": len(tapped) / CONTACTS,
            "clicks": {name: judged[name] for name in ("human", "preview", "prefetch", "scanner", "bot", "unknown")},
            "visitors": len({(one.visit.address, one.visit.visitor) for one in self.of_poster}),
            "previews_delivered": len({one.visit.contact for one in self.counted if one.visit.visitor is WHATSAPP}),
            "passed_on_links": len(self.passed_on()), "forwarded": self.forwarded(),
        }  # fmt: skip

    def passed_on(self) -> set[tuple[int | None, int]]:
        people = {(link(one), one.visit.address, one.visit.visitor) for one in self.of_contacts}
        return {each for each, count in Counter(each for each, *_ in people).items() if count > 3}

    def forwarded(self) -> dict[str, int]:
        first: dict[object, object] = {}
        others: Counter[object] = Counter()
        for one in sorted(self.of_contacts, key=lambda one: one.at):
            if first.setdefault(link(one), one.visit.visitor.device) != one.visit.visitor.device:
                others[link(one)] += 1
        return {"links": len(others), "taps": others.total()}

    def by_audience(self) -> list[dict[str, object]]:
        """Of the poster's visitors too: it has no audience."""
        links = Counter(audience(contact) for contact in range(CONTACTS) for _ in range(2)) + Counter([""])
        contacts = Counter(map(audience, range(CONTACTS)))
        clicks = Counter("" if one.visit.contact is None else audience(one.visit.contact) for one in self.people)
        tapped = Counter(map(audience, {one.visit.contact for one in self.of_contacts}))
        return [
            {"audience": name, "links": links[name], "clicks": clicks[name], "unique_contacts": tapped[name],
             "click_through_rate": tapped[name] / contacts[name]}
            for name in sorted(links, key=lambda name: (-links[name], name))
        ]  # fmt: skip

    def by_destination(self, in_force: dict[int, int], urls: dict[tuple[int, int], str]) -> list[dict[str, object]]:
        """in_force: the version of each destination now; urls: by destination and version."""
        rows = []
        for (destination, version), url in urls.items():
            of_it = [one for one in self.people if (one.visit.destination, one.version) == (destination, version)]
            tapped = {one.visit.contact for one in of_it} - {None}
            rows.append(
                {"destination_index": destination, "links": CONTACTS + (destination == 0), "clicks": len(of_it),
                 "unique_contacts": len(tapped), "click_through_rate": len(tapped) / CONTACTS,
                 "destination_version": version, "in_force": in_force[destination] == version,
                 "destination": url}
            )  # fmt: skip
        return sorted(rows, key=lambda row: (-row["links"], row["destination_index"], row["destination_version"]))

    def ranked(self, key: Callable[[Visit], object], *names: str) -> list[dict[str, object]]:
        """People's taps by what the key says, the most first."""
        counts = Counter(key(one.visit) for one in self.people)
        rows = [(value if isinstance(value, tuple) else (value,), clicks) for value, clicks in counts.items()]
        rows.sort(key=lambda row: (-row[1], row[0]))
        return [{**dict(zip(names, value, strict=True)), "clicks": clicks} for value, clicks in rows]

    def by_reason(self) -> list[dict[str, object]]:
        machines = [one.visit.visitor for one in self.counted if one.visit.visitor.reason]
        reasons = Counter((visitor.judged, visitor.reason) for visitor in machines)
        return [
            {"visit_class": judged, "reason": reason, "clicks": clicks} for (judged, reason), clicks in reasons.items()
        ]

    def by_hour(self) -> list[dict[str, object]]:
        hours = Counter(datetime.fromtimestamp(one.at // 3600 * 3600, UTC) for one in self.people)
        return [{"hour": f"{hour:%Y-%m-%dT%H:00:00Z}", "clicks": clicks} for hour, clicks in sorted(hours.items())]

    def by_hour_since_send(self) -> list[dict[str, int]]:
        hours = Counter(int((one.at - self._sent) // 3600) for one in self.people if one.at >= self._sent)
        return [{"hour": hour, "clicks": clicks} for hour, clicks in sorted(hours.items())]

    def by_time(self, zone: str) -> list[dict[str, object]]:
        """By the minute: the campaign is played in fewer than two hours."""
        steps = Counter((int(one.at // 60) * 60, one.visit.visitor.judged) for one in self.counted)
        first, last = min(step for step, _ in steps), max(step for step, _ in steps)
        machines = ("preview", "prefetch", "scanner", "bot")
        return [
            {"begins_at": f"{datetime.fromtimestamp(step, ZoneInfo(zone)):%Y-%m-%dT%H:%M:00}", "step_s": 60,
             "people": steps[step, "human"], "machines": sum(steps[step, name] for name in machines),
             "unknown": steps[step, "unknown"]}
            for step in range(first, last + 60, 60)
        ]  # fmt: skip

    def by_weekday_hour(self, zone: str) -> list[dict[str, int]]:
        local = [datetime.fromtimestamp(one.at, ZoneInfo(zone)) for one in self.people]
        cells = Counter((each.isoweekday(), each.hour) for each in local)
        return [{"weekday": day, "hour": hour, "clicks": clicks} for (day, hour), clicks in sorted(cells.items())]

    def waited(self) -> list[float]:
        """Seconds from the send to each contact's first tap since."""
        first: dict[int | None, float] = {}
        for one in self.of_contacts:
            if one.at >= self._sent:
                first[one.visit.contact] = min(first.get(one.visit.contact, one.at), one.at)
        return sorted(at - self._sent for at in first.values())

    def canaries(self) -> dict[str, object]:
        tapped = {one.visit.canary for one in self._of_canaries}
        missed = {one.visit.canary for one in self._of_canaries if one.visit.visitor.judged == "human"}
        return {"links": CANARIES, "tapped": len(tapped), "judged_human": len(missed),
                "scan_rate": len(tapped) / CANARIES, "miss_rate": len(missed) / len(tapped)}  # fmt: skip

    def segments(self) -> dict[str, object]:
        by_segments = {str(count): messages for count, messages in sorted(Counter(self._segments).items())}
        return {"messages": CONTACTS, "segments": sum(self._segments), "by_segments": by_segments}

    def warnings(self, of_messages: dict[str, int]) -> dict[str, Any]:
        """of_messages: what the texts are warned of."""
        return {
            "canaries-judged-human": self.canaries()["judged_human"],
            "found-it-over": len(self._late),
            "passed-on-links": len(self.passed_on()),
            "taps-before-send": sum(one.at < self._sent for one in self.of_contacts),
            "unjudged-visits": sum(one.visit.visitor.judged == "unknown" for one in self.counted),
            **of_messages,
        }


def link(one: Done) -> tuple[int | None, int]:
    return one.visit.contact, one.visit.destination

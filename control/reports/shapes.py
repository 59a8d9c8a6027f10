"""What the calls of the reports answer. A click here is a visit that was sent to the link's own destination."""

from datetime import datetime

import msgspec

from control.reports.warnings import WarningRow


class Classes(msgspec.Struct):
    human: int
    preview: int
    prefetch: int
    scanner: int
    bot: int
    unknown: int


class ReasonRow(msgspec.Struct):
    """Visits of machines, by the rule that decided; docs/classification.md says what each is."""

    visit_class: str
    reason: str
    clicks: int


class ShareRow(msgspec.Struct):
    """share: of the contacts that tapped since the send, those that had within so many seconds."""

    seconds: int
    share: float


class SecondsToTap(msgspec.Struct):
    """From sent_at, or the first minting without one, to each contact's first human click since; null without any."""

    median: float | None
    p90: float | None
    cumulative: list[ShareRow]


class AudienceRow(msgspec.Struct):
    audience: str
    links: int
    clicks: int
    unique_contacts: int
    click_through_rate: float


class DestinationRow(msgspec.Struct):
    destination_index: int
    links: int
    clicks: int
    unique_contacts: int
    click_through_rate: float
    destination_version: int  # the version in the broadcast's history that put it in force
    in_force: bool
    destination: str = ""  # a template, as those taps found it


class DeviceRow(msgspec.Struct):
    device_type: str
    clicks: int


class RuleRow(msgspec.Struct):
    rule: str  # "" where none decided
    clicks: int


class CountryRow(msgspec.Struct):
    country: str  # of the network
    clicks: int


class OsRow(msgspec.Struct):
    os: str
    clicks: int


class BrowserRow(msgspec.Struct):
    browser: str
    clicks: int


class RegionRow(msgspec.Struct):
    country: str
    region: str  # of the network: a phone's is mostly its carrier's gateway
    clicks: int


class SinceSendRow(msgspec.Struct):
    hour: int  # whole hours since the send; 0 is the first
    clicks: int


class WeekdayHourRow(msgspec.Struct):
    weekday: int  # 1 is Monday, 7 is Sunday
    hour: int  # of the clock in the zone; one that comes twice on a day has the taps of both
    clicks: int


class HourRow(msgspec.Struct):
    hour: datetime
    clicks: int


class TimeRow(msgspec.Struct):
    """Counted visits of one step of time. Steps without any between the first and the last are there too."""

    begins_at: datetime  # by the clock in the zone, without an offset; what comes twice has the visits of both
    step_s: int  # how long it is; the same for all of them
    people: int
    machines: int
    unknown: int


class Segments(msgspec.Struct):
    """Of the messages that were composed."""

    messages: int
    segments: int
    by_segments: dict[str, int]  # messages of so many


class Forwarded(msgspec.Struct):
    """Personal links that people tapped with devices that differ; taps: those of others than the first."""

    links: int
    taps: int


class Canaries(msgspec.Struct):
    """Links that went to nobody, or to phones of one's own: they are in no other figure.

    *_95: [low, high], between which the rate lies with 95 % certainty.
    """

    links: int = 0
    tapped: int = 0
    scan_rate: float = 0.0  # tapped / links
    scan_rate_95: tuple[float, float] = (0.0, 1.0)
    judged_human: int = 0  # of those tapped
    miss_rate: float = 0.0  # judged_human / tapped
    miss_rate_95: tuple[float, float] = (0.0, 1.0)


class Report(msgspec.Struct, kw_only=True):
    broadcast_id: str
    sent_at: datetime | None  # or the first minting; null where nothing was minted
    links: int
    contacts: int
    clicks: Classes
    unique_contacts: int
    click_through_rate: float
    seconds_to_tap: SecondsToTap
    by_audience: list[AudienceRow]
    by_device: list[DeviceRow]
    by_os: list[OsRow]
    by_browser: list[BrowserRow]
    by_country: list[CountryRow]
    by_region: list[RegionRow]
    by_destination: list[DestinationRow]
    by_rule: list[RuleRow]
    by_hour: list[HourRow]
    by_hour_since_send: list[SinceSendRow]
    by_time: list[TimeRow]
    by_weekday_hour: list[WeekdayHourRow]
    tz: str  # the zone of by_time and by_weekday_hour
    by_reason: list[ReasonRow]
    visitors: int  # people behind shared links, by day; they are in no other count of people
    previews_delivered: int  # contacts whose message a preview was fetched for
    passed_on_links: int  # personal links that more people tapped than one can be
    forwarded: Forwarded
    canaries: Canaries
    segments: Segments
    warnings: list[WarningRow]


class Comparison(msgspec.Struct):
    broadcasts: list[Report]


class AccountRow(msgspec.Struct):
    """One account. A contact counts once for each broadcast."""

    account: str
    broadcasts: int
    links: int
    contacts: int
    clicks: int
    unique_contacts: int
    click_through_rate: float


class AccountReport(msgspec.Struct, kw_only=True):
    """Sums over an account and those below it. A contact counts once for each broadcast."""

    account: str
    broadcasts: int
    links: int
    contacts: int
    clicks: Classes
    unique_contacts: int
    click_through_rate: float
    by_account: list[AccountRow]

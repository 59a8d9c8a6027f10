"""The people of a scripted campaign: who they are, what each is sent, and who taps. The known truth."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

TEXT = "Hi {name}, 20 % off until Sunday. Reply STOP to opt out. {url}"  # of docs/campaign.md
PAGE = "https://shop.acme.example/autumn?order={order}"
_NAMES = (
    "Ada", "José", "Zoë", "Łukasz", "Çelik", "Gül", "Дарья", "Αθηνά", "春香", "김서연", "محمد", "שרה", "अदिति", "สมชาย",
    "Nguyễn Ánh", "O\u2019Brien", "Anne-Marie €", "[Max]", "Ben 👩\u200d🚀", "",
)  # fmt: skip
# One number a person; every way to write one.
_SPELLINGS = (
    "+49151{0:08d}", "0049 151 {0:08d}", "+49 (151) {0:08d}", "+49 151-{0:08d}", "+49\u00a0151\u202f{0:08d}",
    "+49/151/{0:08d}",
)  # fmt: skip
_FIRST_NUMBER = 12345601  # the page asks for this contact
_SEGMENTS = ("vip", "regular", "regular", "new", "lapsed", "über 60", "")
_TAPS_EVERY, _TAPS_TWICE_EVERY = 20, 60  # people
_PREVIEWED = 7  # of each of _TAPS_EVERY


class Person(msgspec.Struct, frozen=True):
    number: int

    @property
    def phone(self) -> str:
        return _SPELLINGS[self.number % len(_SPELLINGS)].format(_FIRST_NUMBER + self.number)

    @property
    def name(self) -> str:
        return _NAMES[self.number % len(_NAMES)]

    @property
    def segment(self) -> str:
        return _SEGMENTS[self.number % len(_SEGMENTS)]

    @property
    def order(self) -> str:
        return f"A-{1001 + self.number}"

    @property
    def page(self) -> str:
        return PAGE.format(order=self.order)

    @property
    def taps(self) -> int:
        return (self.number % _TAPS_EVERY == 0) + (self.number % _TAPS_TWICE_EVERY == 0)

    @property
    def previews(self) -> int:
        return int(self.number % _TAPS_EVERY == _PREVIEWED)

    def text(self, url: str) -> str:
        return TEXT.format(name=self.name, url=url)


class Truth(msgspec.Struct, frozen=True):
    """What the report has to say."""

    links: int
    human: int
    preview: int
    unique_contacts: int
    by_audience: dict[str, tuple[int, int, int]]  # links, clicks, contacts that tapped


def people(count: int) -> Iterator[Person]:
    return map(Person, range(count))


def write_contacts(path: Path, count: int) -> None:
    """As a spreadsheet exports them: semicolons, CRLF, a byte order mark."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["Phone", "First name", "Segment", "Order"])
        writer.writerows([one.phone, one.name, one.segment, one.order] for one in people(count))


def truth_of(count: int, tapped_by_the_page: Sequence[Person]) -> Truth:
    links, clicks, tapped = Counter[str](), Counter[str](), Counter[str]()
    for one in people(count):
        links[one.segment] += 1
        taps = one.taps + tapped_by_the_page.count(one)
        clicks[one.segment] += taps
        tapped[one.segment] += taps > 0
    return Truth(
        links=count,
        human=clicks.total(),
        preview=sum(one.previews for one in people(count)),
        unique_contacts=tapped.total(),
        by_audience={name: (links[name], clicks[name], tapped[name]) for name in links},
    )

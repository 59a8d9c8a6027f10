"""A campaign that is played against a running system: who visits what, and what each of them is."""

import msgspec

SHOP, MOVED, HELP = (f"https://{name}.acme.example/" for name in ("shop", "moved", "help"))
TEXT = f"Hi {{first_name|there}}, our sale is at {SHOP} and we help you at {HELP}"
CONTACTS, CANARIES = 60, 20


class Visitor(msgspec.Struct, frozen=True):
    """Who visits, and what the report has to make of it. device: type, system, browser; reason: why it is a machine."""

    judged: str
    headers: tuple[tuple[str, str], ...]
    device: tuple[str, str, str] = ("", "", "")
    method: str = "GET"
    reason: str = ""


_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)
_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"
)
_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
IPHONE = Visitor("human", (("User-Agent", _IPHONE),), ("phone", "iOS", "Mobile Safari"))
ANDROID = Visitor("human", (("User-Agent", _ANDROID),), ("phone", "Android", "Chrome Mobile"))
WINDOWS = Visitor("human", (("User-Agent", _WINDOWS),), ("desktop", "Windows", "Chrome"))
PEOPLE = (IPHONE, ANDROID, WINDOWS)
WHATSAPP = Visitor("preview", (("User-Agent", "WhatsApp/2.23.20.0 A"),), reason="agent-whatsapp")
PREFETCH = Visitor(
    "prefetch", (("User-Agent", _ANDROID), ("Sec-Purpose", "prefetch;prerender")), reason="purpose-prefetch"
)
MAIL_SCANNER = Visitor("scanner", (("User-Agent", _IPHONE),), method="HEAD", reason="method-head")
# A browser's string, each visit of which looks like a person's: the visits beside them give them away.
WALKER = Visitor("scanner", (("User-Agent", _WINDOWS),), reason="many-contacts-one-network")
BOTH_LINKS = Visitor("scanner", (("User-Agent", _IPHONE),), reason="all-links-at-once")
CURL = Visitor("bot", (("User-Agent", "curl/8.5.0"),), reason="agent-tool")
NOBODY_KNOWS = Visitor("unknown", (("User-Agent", "LinkOpener/1.0"),), reason="agent-not-known")

PLACES = {"81.10.0.0/16": ("DE", "Bavaria"), "81.20.0.0/16": ("DE", "Berlin"), "81.30.0.0/16": ("US", "Washington")}
ELSEWHERE = ("", "")  # of all others nothing is known
_NAMES = ("Ada", "Jörg", "Łukasz " + "x" * 90, "Max " + "y" * 120)


class Visit(msgspec.Struct, frozen=True):
    """One visit: of a contact's link to a destination, of a canary by its number, or of the poster."""

    visitor: Visitor
    address: str
    contact: int | None = None
    destination: int = 0
    canary: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        return PLACES.get(".".join(self.address.split(".")[:2]) + ".0.0/16", ELSEWHERE)


class Done(msgspec.Struct, frozen=True):
    """A visit that was made. at: Unix seconds; version: of the destination that was in force."""

    visit: Visit
    at: float
    version: int
    over: bool


def home(contact: int) -> str:
    """The address of a contact, in a network of its own."""
    return f"81.{(10, 20, 30, 40)[contact % 4]}.{contact}.7"


def by(contact: int, **more: object) -> Visit:
    return Visit(PEOPLE[contact % 3], home(contact), contact, **more)


def audience(contact: int) -> str:
    return "vip" if contact < 20 else "rest" if contact < 40 else ""


def fields(contact: int) -> dict[str, str]:
    return {} if contact % 5 == 4 else {"first_name": _NAMES[contact % 5]}


def text_of(contact: int, links: list[str]) -> str:
    name = fields(contact).get("first_name", "there")
    return TEXT.replace("{first_name|there}", name).replace(SHOP, links[0]).replace(HELP, links[1])


EARLY = [by(contact) for contact in (11, 12, 13, 14, 14, 20)]  # before the send
PERSONS = [
    *map(by, [*range(14), *range(15, 20), *range(21, 30), 0, 1, 2, 3, 4]),
]
SECOND_LINKS = [by(contact, destination=1) for contact in (15, 16, 17)]  # much later than the first ones
HANDED_ON = [
    # One link, five people with the same phone: more than one person is, and no device differs.
    *(Visit(IPHONE, f"81.50.{number}.7", 30) for number in range(5)),
    # Two links, each first tapped by their contact.
    Visit(IPHONE, home(31), 31), Visit(WINDOWS, "81.51.1.7", 31), Visit(WINDOWS, "81.51.1.7", 31),
    Visit(ANDROID, home(32), 32), Visit(IPHONE, "81.51.2.7", 32),
]  # fmt: skip
MACHINES = [
    *(Visit(WHATSAPP, home(contact), contact) for contact in (30, 30, 31, 32, 33, 34, 35, 36)),
    *(Visit(PREFETCH, home(contact), contact) for contact in (8, 9)),
    *(Visit(MAIL_SCANNER, "81.60.1.7", contact) for contact in (40, 41, 42)),
    *(Visit(BOTH_LINKS, home(38), 38, destination) for destination in (0, 1)),
    *(Visit(CURL, home(contact), contact) for contact in (0, 1)),
    *(Visit(NOBODY_KNOWS, home(2), 2) for _ in range(9)),
]
WALK = [Visit(WALKER, "81.61.1.7", contact) for contact in range(40, 60)]  # in order, at an even pace
# Four people, two of whom come twice; a machine.
POSTER = [
    *(Visit(PEOPLE[number % 4 % 3], f"81.20.20{number % 4}.7") for number in range(6)),
    Visit(CURL, "81.20.210.7"),
]
OF_CANARIES = [
    Visit(CURL, "81.62.1.7", canary=0), Visit(CURL, "81.62.1.7", canary=0), Visit(IPHONE, "81.62.2.7", canary=1),
    Visit(WHATSAPP, "81.62.3.7", canary=2),
]  # fmt: skip
TOO_LATE = [by(10), by(10)]  # while the broadcast is stopped

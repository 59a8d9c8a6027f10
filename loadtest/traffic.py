"""Clicks as a broadcast makes them, in stream entries as edges write them; the same every time."""

import ipaddress
import json
import random
from collections.abc import Iterator
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from aggregator.decode import Entry
from records.address import AddressCipher, packed_address
from records.click import Click, encode_frame

EXAMPLES = Path(__file__).parents[1] / "examples" / "visits.json"
NOW_MS = 1_800_000_000_000
PER_FRAME = 16  # clicks of one event-loop tick
ENTRY_BYTES = 64 * 1024  # as edge/shipper.py
_LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Traffic:
    """Recorded headers and skewed networks, each click another link of another contact."""

    def __init__(self, cipher: AddressCipher, agents: int = 3_000, networks: int = 20_000) -> None:
        self._cipher, self._pick = cipher, random.Random(7)
        self._agents = self._varied_agents(agents)
        self._agent_weights = _skewed(agents)
        self._networks = [self._pick.randrange(2**24, 0xDF000000) & 0xFFFFFF00 for _ in range(networks)]
        self._network_weights = _skewed(networks)

    def entries(self, lane: int, clicks: int) -> Iterator[Entry]:
        """The lane's clicks 1..clicks."""
        held, seq = b"", 0
        while seq < clicks:
            part = self._clicks(lane, seq + 1, min(PER_FRAME, clicks - seq))
            frame = encode_frame("edge-7d9f-abcde-0", seq + 1, part)
            if len(held) + len(frame) > ENTRY_BYTES:
                yield Entry(lane, seq, held)
                held = b""
            held += frame
            seq += len(part)
        yield Entry(lane, seq, held)

    def _clicks(self, lane: int, first_seq: int, count: int) -> list[Click]:
        headers = self._pick.choices(self._agents, cum_weights=self._agent_weights, k=count)
        networks = self._pick.choices(self._networks, cum_weights=self._network_weights, k=count)
        return [
            self._click(lane, seq, *visit)
            for seq, visit in enumerate(zip(headers, networks, strict=True), first_seq)
        ]  # fmt: skip

    def _click(self, lane: int, seq: int, headers: dict[str, str], network: int) -> Click:
        pick = self._pick
        address = packed_address(str(ipaddress.IPv4Address(network + pick.randrange(256))))
        fetch = [headers.get(f"sec-fetch-{name}", "-") for name in ("site", "mode", "user", "dest")]
        contact = f"c-{pick.randrange(10**9):09d}"
        return Click(
            click_id=pick.randbytes(16),
            clicked_at_ms=NOW_MS + seq // 100,
            link_id=pick.randrange(10**8),
            code="".join(pick.choices(_LETTERS, k=9)),
            short_domain="go.acme.example",
            account="acme",
            broadcast_id=f"spring-{seq % 5}",
            broadcast_no=seq % 5,
            contact_id=contact,
            audience=pick.choice(("vip", "regular", "new", "lapsed")),
            keyword="",
            source="sms",
            destination=f"https://shop.acme.example/spring?utm_source=sms&c={contact}",
            destination_index=0,
            status=302,
            method="GET",
            sealed_address=self._cipher.apply(address, lane, seq),
            user_agent=headers.get("user-agent", ""),
            referrer=headers.get("referer", ""),
            accept=headers.get("accept", ""),
            accept_language=headers.get("accept-language", ""),
            purpose=headers.get("sec-purpose", ""),
            sec_fetch="" if set(fetch) == {"-"} else " ".join(fetch),
            sec_ch_ua=headers.get("sec-ch-ua", ""),
        )

    def _varied_agents(self, count: int) -> list[dict[str, str]]:
        """The recorded header sets, with the version numbers varied until there are enough distinct user agents."""
        recorded = [
            {name.lower(): value for name, value in visit["headers"]} for visit in json.loads(EXAMPLES.read_text())
        ]
        self._pick.shuffle(recorded)
        varied = list(recorded)
        while len(varied) < count:
            headers = dict(self._pick.choice(recorded))
            agent = headers.get("user-agent", "")
            if "Mozilla" in agent:
                headers["user-agent"] = agent.replace(".0", f".{self._pick.randrange(10_000)}", 1)
                varied.append(headers)
        return varied[:count]


def _skewed(count: int) -> list[float]:
    """Cumulative weights 1, 1/2, 1/3, ..."""
    total, cumulative = 0.0, []
    for rank in range(count):
        total += 1 / (rank + 1)
        cumulative.append(total)
    return cumulative


def geo_files(folder: Path) -> tuple[Path, Path]:
    """A city and an ASN database that know every IPv4 address, by its /12."""
    city, asn = (MMDBWriter(4, database_type=name) for name in ("City", "ASN"))
    for number in range(4096):
        network = IPSet([f"{ipaddress.IPv4Address(number << 20)}/12"])
        place = {"country_code": "US", "state1": f"State {number % 50}", "city": f"City {number % 700}"}
        city.insert_network(network, place)
        organisation = {"autonomous_system_number": number % 300 + 1, "autonomous_system_organization": f"N {number}"}
        asn.insert_network(network, organisation)
    city.to_db_file(str(folder / "city.mmdb"))
    asn.to_db_file(str(folder / "asn.mmdb"))
    return folder / "city.mmdb", folder / "asn.mmdb"

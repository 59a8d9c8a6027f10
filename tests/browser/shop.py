"""A shop with broadcasts, contacts and taps, through the real doors of a real `taptrail up`."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.stack import Stack

DOMAIN = "go.acme.example"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile "
    "Safari/537.36"
)
PREVIEW = "WhatsApp/2.24.10.72 A"
AGENTS = (IPHONE, ANDROID, PREVIEW)


class Shop:
    """One running stack, and calls of it by its first key."""

    def __init__(self, folder: Path) -> None:
        # Taps come from networks of their own: many contacts on one network would be judged to be a machine in time.
        self.stack = Stack(folder, TAPTRAIL_TRUSTED_PROXIES="127.0.0.1/32", TAPTRAIL_FORWARDED_HEADER="x-forwarded-for")
        self._taps = 0
        self.control, self.edge, self.key = (self.stack.ready[name] for name in ("control", "edge", "api_key"))

    def call(self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str) -> Any:
        """The answer's JSON; a failure fails the test. body: bytes as they are, else as JSON."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.control).netloc, timeout=60)
        connection.request(method, path, data, {"Authorization": f"Bearer {key or self.key}", **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, text
        if "ndjson" in answer.headers.get("Content-Type", ""):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text) if text else None

    def broadcast(self, broadcast_id: str, contacts: int, *, of: str = "c", **fields: Any) -> list[str]:
        """A broadcast with a link for each contact, c-0 and so on; gives their codes."""
        body = {"short_domain": DOMAIN, "destinations": ["https://shop.acme.example/?c={contact_id}"], **fields}
        if contacts:  # a tap within seconds of the send would be judged to be a machine's
            body = {"sent_at": (datetime.now(UTC) - timedelta(hours=3)).isoformat(), **body}
        self.call("PUT", f"/v1/broadcasts/{broadcast_id}", body)
        lines = b"".join(
            json.dumps({"contact_id": f"{of}-{number}", "audience": ("vip", "new", "")[number % 3]}).encode() + b"\n"
            for number in range(contacts)
        )
        if not contacts:
            return []
        links = self.call("POST", f"/v1/broadcasts/{broadcast_id}/links", lines)
        return [link["code"] for link in links]

    def tap(self, codes: list[str], agent: str = IPHONE) -> None:
        """Each code once, by a browser or machine of this name."""
        address = urlsplit(self.edge).netloc

        first, self._taps = self._taps, self._taps + len(codes)

        def taps(some: list[tuple[int, str]]) -> None:
            connection = http.client.HTTPConnection(address, timeout=30)
            for number, code in some:
                here = f"100.{64 + (number >> 8)}.{number & 255}.7"
                headers = {"Host": DOMAIN, "User-Agent": agent, "Accept": "*/*", "X-Forwarded-For": here}
                connection.request("GET", f"/{code}", headers=headers)
                connection.getresponse().read()
            connection.close()

        with ThreadPoolExecutor(4) as threads:
            numbered = list(enumerate(codes, first))
            list(threads.map(taps, [numbered[place::4] for place in range(4)]))

    def stop(self) -> None:
        self.stack.stop()


def filled(shop: Shop) -> None:
    """Broadcasts of every state: with taps of people and machines, with one tap, with none, stopped, over."""
    shop.call("PUT", f"/v1/domains/{DOMAIN}", {})
    spring = shop.broadcast("spring-sale", 300, text="", keyword="SPRING", source="sms")
    shop.tap(spring[:120], IPHONE)
    shop.tap(spring[100:180], ANDROID)
    shop.tap(spring[150:300], PREVIEW)
    shop.tap(shop.broadcast("one-tap", 5)[:1])
    shop.broadcast("no-tap", 40)
    shop.broadcast("not-sent", 0)
    stopped = shop.broadcast("stopped-one", 30)
    shop.tap(stopped[:10], ANDROID)
    shop.call("PATCH", "/v1/broadcasts/stopped-one", {"stopped": True})
    shop.broadcast("expired-one", 10, valid_from="2026-01-01T00:00:00Z", expires_at="2026-02-01T00:00:00Z")
    shop.stack.wait_for_rows(120 + 80 + 150 + 1 + 10)

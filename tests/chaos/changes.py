"""What a system that sends messages does through all kills: it mints small batches and changes their broadcast."""

import asyncio
import json
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from tests.chaos.taps import IPHONE, REQUEST, Connection

BATCH = 5  # contacts
EVERY_S = 0.3
PATCH_EVERY = 3  # batches
LONGEST_S = 90.0  # of one request that is repeated until it is answered
IN_FORCE_S = 2.0
DOMAIN = "go.acme.example"
PATH = "/v1/broadcasts/errands"


class Changed(msgspec.Struct):
    """What was done, and what of it does not hold."""

    batches: int = 0
    patches: int = 0
    repeated: int = 0  # requests that were not answered, and sent again
    wrong: list[str] = msgspec.field(default_factory=list)


class Changes:
    """A client of the control API that repeats a request, with its Idempotency-Key, until it is answered."""

    def __init__(self, control_url: str, api_key: str) -> None:
        self._url = control_url
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {api_key}"}, timeout=aiohttp.ClientTimeout(total=20)
        )
        self._minted: dict[str, list[str]] = {}  # codes by Idempotency-Key
        self._destination = ""
        self._stopping = False
        self.changed = Changed()

    async def __aenter__(self) -> Self:
        await self._patch("PUT", short_domain=DOMAIN)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._session.close()

    def stop(self) -> None:
        """Return from run() after the request in hand, and after one change at least."""
        self._stopping = True

    async def run(self) -> None:
        while not self._stopping or not self.changed.patches:
            key = f"chaos-{len(self._minted)}"
            self._minted[key] = await self._mint(key)
            self.changed.batches += 1
            if self.changed.batches % PATCH_EVERY == 0:
                await self._patch("PATCH")
                self.changed.patches += 1
            await asyncio.sleep(EVERY_S)

    async def check(self, edge_url: str, other_codes: list[str]) -> Changed:
        """Ask for everything once more. Its tap is a row of its own: count rows before."""
        for key, codes in self._minted.items():
            if await self._mint(key) != codes:
                self.changed.wrong.append(f"{key} gives other links than before")
        codes = [*other_codes, *(code for batch in self._minted.values() for code in batch)]
        if len(set(codes)) < len(codes):
            self.changed.wrong.append(f"{len(codes) - len(set(codes))} codes were given twice")
        if (found := json.loads(await self._asked("GET", PATH))["destinations"]) != [self._destination]:
            self.changed.wrong.append(f"the record says {found}, the last change was {self._destination}")
        if not await self._is_in_force(urlsplit(edge_url).port or 0, codes[-1]):
            self.changed.wrong.append(f"a tap does not lead to {self._destination}")
        return self.changed

    async def _is_in_force(self, port: int, code: str) -> bool:
        connection, give_up_at = Connection(port), time.monotonic() + IN_FORCE_S
        request = REQUEST.format(code=code, host=DOMAIN, agent=IPHONE).encode()
        while await connection.get(request) != (302, self._destination):
            if time.monotonic() > give_up_at:
                return False
            await asyncio.sleep(0.1)
        connection.close()
        return True

    async def _mint(self, key: str) -> list[str]:
        body = "".join(json.dumps({"contact_id": f"{key}-{number}"}) + "\n" for number in range(BATCH))
        while True:
            text = await self._asked("POST", f"{PATH}/links", body, **{"Idempotency-Key": key})
            codes = [line["code"] for line in map(json.loads, text.splitlines()) if "code" in line]
            if len(codes) == BATCH:
                return codes
            self.changed.repeated += 1  # the answer had begun when a store went away

    async def _patch(self, method: str, **fields: str) -> None:
        self._destination = f"https://acme.example/{self.changed.patches}"
        await self._asked(method, PATH, json.dumps({"destinations": [self._destination], **fields}))

    async def _asked(self, method: str, path: str, body: str | None = None, **headers: str) -> bytes:
        """The body of an answer below 300; asks again while nobody can answer, or it is still being done."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                try:
                    async with self._session.request(method, self._url + path, data=body, headers=headers) as answer:
                        text = await answer.read()
                    if answer.status < 500 and b"#in-progress" not in text:
                        assert answer.status < 300, (method, path, answer.status, text)
                        return text
                except (aiohttp.ClientError, OSError):
                    pass
                self.changed.repeated += 1
                await asyncio.sleep(0.1)

"""A steady stream of taps through real sockets, each link once, that knows of every tap what became of it."""

import asyncio
import contextlib
import time

import msgspec

AT_ONCE = 32
LONGEST_S = 20.0  # for one answer
LONGEST_RETRY_S = 90.0  # of one tap that is refused or shed
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
REQUEST = "GET /{code} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nUser-Agent: {agent}\r\n\r\n"


class Tally(msgspec.Struct):
    """What became of the taps, by code. A code is in one of the first three."""

    answered: set[str] = msgspec.field(default_factory=set)  # 302 to the right place
    doubtful: set[str] = msgspec.field(default_factory=set)  # the connection broke before the answer: a row, or none
    wrong: dict[str, str] = msgspec.field(default_factory=dict)  # any other answer
    shed_in: list[tuple[float, float]] = msgspec.field(default_factory=list)  # 503, from when to when; tapped again
    refused: int = 0  # nobody listened, and tapped again
    slow: int = 0  # no answer in time; doubtful too
    seconds: float = 0.0

    @property
    def shed(self) -> int:
        return len(self.shed_in)

    @property
    def done(self) -> int:
        return len(self.answered) + len(self.doubtful) + len(self.wrong)


class Taps:
    """codes: one for each contact c-0, c-1, ... in order, of links that lead to https://acme.example/l?c={contact_id}."""

    def __init__(
        self, port: int, codes: list[str], rate: float, host: str = "go.acme.example", *, per_connection: int = 40,
        agent: str = IPHONE,
    ) -> None:  # fmt: skip
        self._port, self.codes, self._rate, self._host = port, codes, rate, host
        # Every phone comes on a connection of its own; and connections kept for ever would leave a worker that was
        # started again without taps.
        self._per_connection = per_connection
        self._agent = agent
        self._next = 0
        self._started = 0.0
        self.tally = Tally()

    async def run(self) -> Tally:
        """Tap every code once, `rate` a second."""
        self._started = time.monotonic()
        await asyncio.gather(*(self._tap_on() for _ in range(min(AT_ONCE, len(self.codes)))))
        self.tally.seconds = time.monotonic() - self._started
        return self.tally

    async def _tap_on(self) -> None:
        connection, taps = Connection(self._port), 0
        while self._next < len(self.codes):
            place, self._next = self._next, self._next + 1
            await self._pace(place)
            await self._tap(connection, place)
            taps += 1
            if taps % self._per_connection == 0:
                connection.close()
        connection.close()

    async def _pace(self, place: int) -> None:
        late_s = time.monotonic() - self._started - place / self._rate
        if late_s > 1.0:  # what an outage held up is not made good by a burst
            self._started += late_s
        await asyncio.sleep(max(-late_s, 0.0))

    async def _tap(self, connection: "Connection", place: int) -> None:
        """Refused and shed taps are no taps: they are repeated. One whose connection broke may be a row: it is not."""
        code = self.codes[place]
        request = REQUEST.format(code=code, host=self._host, agent=self._agent).encode()
        give_up_at = time.monotonic() + LONGEST_RETRY_S
        while True:
            status, location, began = 0, "", time.monotonic()
            try:
                async with asyncio.timeout(LONGEST_S):
                    status, location = await connection.get(request)
            except ConnectionRefusedError:
                self.tally.refused += 1
            except (OSError, EOFError) as error:
                connection.close()
                self.tally.doubtful.add(code)
                self.tally.slow += isinstance(error, TimeoutError)
                return
            if status not in (0, 503) or time.monotonic() > give_up_at:
                break
            if status == 503:
                self.tally.shed_in.append((began, time.monotonic()))
            await asyncio.sleep(0.1)
        if (status, location) == (302, f"https://acme.example/l?c=c-{place}"):
            self.tally.answered.add(code)
        else:
            self.tally.wrong[code] = f"{status} {location}"


class Connection:
    """One keep-alive connection that never sends anything twice."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, request: bytes) -> tuple[int, str]:
        """(status, Location). ConnectionRefusedError: nothing was sent; any other OSError or EOFError: who knows."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(head[0].split()[1]), headers.get("location", "")

    def close(self) -> None:
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None

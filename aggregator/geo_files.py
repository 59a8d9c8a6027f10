"""The geo files as they are on the disk now: one that is replaced is taken up while clicks move."""

import asyncio
import logging
import os

from visitors.geo import Geo, GeoError
from visitors.place import Place

LOOK_EVERY_S = 30.0

log = logging.getLogger(__name__)

Seen = tuple[tuple[int, int, int] | None, ...]


class GeoFiles:
    """Places by the newest files that could be read.

    city_db, asn_db: as Geo takes them. Raises GeoError where they cannot be read at the start.
    """

    def __init__(self, city_db: str, asn_db: str) -> None:
        self._city_db, self._asn_db = city_db, asn_db
        self._paths = [path.strip() for path in f"{city_db},{asn_db}".split(",") if path.strip()]
        self._seen = self._see()
        self._geo = Geo(city_db, asn_db)
        self._former: Geo | None = None

    def look_up(self, prefix: bytes, /) -> Place:
        return self._geo.look_up(prefix)

    def age_days(self, now_s: float) -> float | None:
        """Of the oldest file in use; None without one."""
        built_s = self._geo.oldest_built_s
        return None if built_s is None else (now_s - built_s) / 86_400

    async def run(self, every_s: float = LOOK_EVERY_S) -> None:
        """Look at the files until cancelled."""
        while self._paths:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Take up files that were replaced. The former ones are closed at the next look: a look-up may be under way."""
        if self._former is not None:
            self._former.close()
            self._former = None
        seen = self._see()  # before they are opened: what is replaced meanwhile is seen at the next look
        if seen == self._seen:
            return
        self._seen = seen
        try:
            replaced = Geo(self._city_db, self._asn_db)
        except GeoError as error:
            log.error("geo_refused: a replaced file is no geo database; the former stays", extra={"error": str(error)})
            return
        self._former, self._geo = self._geo, replaced
        log.info("geo_replaced: places are looked up in replaced files", extra={"files": self._paths})

    def _see(self) -> Seen:
        return tuple(_identity(path) for path in self._paths)


def _identity(path: str) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None where it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size

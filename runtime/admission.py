"""Whether the stores let this process in: it is not ready before it was looked at, nor while one refuses it.

A store that is away refuses nobody: the process starts without it, as in an outage. Once ready, it stays ready: what
goes wrong later is `degraded`.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping

from runtime.clickhouse import ClickHouse, ClickHouseNameUnknown, ClickHouseRefused, ClickHouseUnreachable
from runtime.code_key import NO_DATABASE, NO_TABLE
from runtime.serve import Readiness

LOOK_S = 1.0  # longest wait for an answer, and between two looks
AUTHENTICATION_FAILED, ACCESS_DENIED, NOT_GRANTED = 516, 291, 497
_LASTING = {
    AUTHENTICATION_FAILED: "it refuses the user or the password",
    NOT_GRANTED: "the user lacks a grant (docs/deploy.md#clickhouse)",
    ACCESS_DENIED: "the user may not use the database (docs/deploy.md#clickhouse)",
    NO_DATABASE: "it has no database taptrail: start an aggregator, or correct the address",
    NO_TABLE: "it has no schema of this release: start an aggregator of this release",
    0: "what answers is no ClickHouse",
}

log = logging.getLogger(__name__)

Look = Callable[[], Awaitable[str]]  # what keeps this process out, "" for nothing


async def until_admitted(looks: Mapping[str, Look], readiness: Readiness) -> None:
    """Make the process ready as soon as no store refuses it. looks: by the variable that names the store."""
    logged: dict[str, str] = {}
    while troubles := await _troubles(looks):
        for variable, trouble in troubles.items():
            if logged.get(variable) != trouble:
                log.error(
                    "store_refused: not ready; correct the variable", extra={"variable": variable, "why": trouble}
                )
        logged = troubles
        readiness.kept_out = [f"{variable}: {trouble}" for variable, trouble in troubles.items()]
        await asyncio.sleep(LOOK_S)
    readiness.kept_out = []
    readiness.ready = True


async def _troubles(looks: Mapping[str, Look]) -> dict[str, str]:
    found = await asyncio.gather(*(_in_time(look) for look in looks.values()))
    return {variable: trouble for variable, trouble in zip(looks, found, strict=True) if trouble}


async def _in_time(look: Look) -> str:
    try:
        async with asyncio.timeout(LOOK_S):
            return await look()
    except TimeoutError:  # away
        return ""


async def refused_by_clickhouse(clickhouse: ClickHouse, tables: tuple[str, ...], *, writes: bool = False) -> str:
    """What keeps its user from reading these tables, and writing to them. "" also where it is away."""
    reads = " UNION ALL ".join(f"(SELECT 1 FROM {table} LIMIT 0)" for table in tables)  # noqa: S608 - our own names
    try:
        await clickhouse.value(reads)
        if writes and not await _may_insert(clickhouse):
            return _LASTING[NOT_GRANTED]
    except ClickHouseNameUnknown as error:
        return f"its host name does not resolve ({error})"
    except ClickHouseUnreachable:
        return ""
    except ClickHouseRefused as error:
        return _LASTING.get(error.code, "")
    return ""


async def _may_insert(clickhouse: ClickHouse) -> bool:
    grants = [await clickhouse.value(f"CHECK GRANT INSERT ON {name}.*") for name in ("taptrail", "taptrail_internal")]
    return all(grants)


def lasting_trouble_of_redis(error: BaseException) -> str:
    """What an operator has to correct; "" for what passes by itself."""
    text = str(error)
    if text.startswith(("WRONGPASS", "NOAUTH", "NOPERM")):
        return refuses_user(text)
    if isinstance(error, socket.gaierror) or isinstance(error.__cause__ or error.__context__, socket.gaierror):
        return f"its host name does not resolve ({text})"
    return ""


def refuses_user(text: str) -> str:
    return f"it refuses the user or the password ({text})"

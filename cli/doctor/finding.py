"""What one look at one thing found, and how looks are kept from taking long."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import msgspec

STEP_S = 2.0  # longest wait for one answer of a dependency
LOOK_S = 8.0  # longest look at one dependency: it may answer the first questions and then fall silent

State = Literal["ok", "warning", "broken"]


class Finding(msgspec.Struct, frozen=True):
    check: str
    state: State  # broken: something does not work; warning: it works, and will hurt
    found: str
    remedy: str = ""  # one line, "" where nothing is to be done


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, "warning", found, remedy)


def broken(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, "broken", found, remedy)


async def collected(check: str, look: AsyncIterator[Finding]) -> list[Finding]:
    """All that a look finds within LOOK_S; what stops it is a finding as well."""
    found = []
    try:
        async with asyncio.timeout(LOOK_S):
            async for finding in look:
                found.append(finding)  # noqa: PERF401 - what was found before the time was over counts
    except TimeoutError:
        found.append(broken(check, f"it does not answer within {LOOK_S:g} s", "see whether it or the way to it hangs"))
    except Exception as error:  # one look that fails must not hide what the others find
        found.append(broken(check, f"it could not be looked at: {error!r}", "report this as a fault of the doctor"))
    return found


def size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"

"""Whether the code key is the one that made the links there are."""

import asyncio
import contextlib
import logging

import msgspec

from records.code import CodeCipher
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.environment import SettingsError

NO_TABLE, NO_DATABASE = 60, 81  # what ClickHouse answers where no aggregator has made the schema yet
_START_WAIT_S = 1.0
_ANSWER_S, _ASK_AGAIN_S = 3.0, 1.0

log = logging.getLogger(__name__)


class _Minted(msgspec.Struct, frozen=True):
    link_id: int
    code: str


async def opens_links(clickhouse: ClickHouse, cipher: CodeCipher) -> bool | None:
    """Whether the first and the last link with a sealed code open; None while there is none.

    Raises what ClickHouse raises.
    """
    sql = "SELECT link_id, code FROM links WHERE slug = '' AND code != '' ORDER BY link_id {} LIMIT 1"
    try:
        minted = [link for order in ("ASC", "DESC") for link in await clickhouse.rows(sql.format(order), _Minted)]
    except ClickHouseRefused as error:
        if error.code not in (NO_TABLE, NO_DATABASE):
            raise
        return None
    if not minted:
        return None
    return all(cipher.seal(link.link_id) == link.code for link in minted)


async def check_code_key(url: str, code_key: bytes) -> None:
    """Wait until ClickHouse says that this key opens its links; raises SettingsError when it does not."""
    cipher = CodeCipher(code_key)
    async with ClickHouse(url, timeout_s=_ANSWER_S) as clickhouse:
        while not await _is_checked(clickhouse, cipher):  # noqa: ASYNC110
            await asyncio.sleep(_ASK_AGAIN_S)


async def check_code_key_in_time(url: str, code_key: bytes, longest_s: float = _START_WAIT_S) -> None:
    """The same for the moment before a process serves: where ClickHouse does not say in time, the process starts.

    Nor does it wait for a ClickHouse that refuses the connection: a start while that is away takes no second longer.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest_s), ClickHouse(url, timeout_s=_ANSWER_S) as clickhouse:
            await _is_checked(clickhouse, CodeCipher(code_key))


async def _is_checked(clickhouse: ClickHouse, cipher: CodeCipher) -> bool:
    """False while ClickHouse does not say."""
    try:
        opens = await opens_links(clickhouse, cipher)
    except (ClickHouseUnreachable, ClickHouseRefused) as error:
        log.debug("code_key_unchecked: ClickHouse is unavailable", extra={"error": str(error)})
        return False
    if opens is False:
        raise SettingsError(
            "TAPTRAIL_CODE_KEY=***: it does not open the links in ClickHouse, they were made with another key; "
            "expected the key that made them, from its backup: no other opens what was sent"
        )
    return True

"""How long a start waits to learn whether its code key is the right one."""

import asyncio

from runtime.code_key import check_code_key_in_time
from tests.support.edge import CODE_KEY
from tests.support.processes import free_port


async def test_a_start_does_not_wait_for_a_clickhouse_that_refuses_the_connection():
    async with asyncio.timeout(30):
        await check_code_key_in_time(f"http://x:y@127.0.0.1:{free_port()}", CODE_KEY, longest_s=60)

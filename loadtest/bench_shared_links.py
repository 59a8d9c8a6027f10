"""Shared links a second, one a request, from clients that ask at the same time.

    python -m loadtest.bench_shared_links [--clients 128] [--seconds 5] [--slugs] [--keys] [--broadcast]

Starts `taptrail up` on empty stores. Ends with 1 when a link is missing, doubled or wrong.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from runtime.clickhouse import ClickHouse
from stack.demo import DOMAIN, start_stack, stop_stack

WARM_UP_S = 1.0


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--slugs", action="store_true", help="every link has a slug")
    parser.add_argument("--keys", action="store_true", help="every request has an Idempotency-Key")
    parser.add_argument("--broadcast", action="store_true", help="all links belong to one broadcast")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-links-") as name:
        stack, ready = await asyncio.to_thread(start_stack, Path(name))
        try:
            return await _bench(ready, options)
        finally:
            stop_stack(stack)


async def _bench(ready: dict[str, Any], options: argparse.Namespace) -> int:
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    connector = aiohttp.TCPConnector(limit=options.clients)
    async with aiohttp.ClientSession(ready["control"], headers=headers, connector=connector) as session:
        await _put(session, f"/v1/domains/{DOMAIN}", {})
        to = ["https://shop.acme.example/"]
        await _put(session, "/v1/broadcasts/bench", {"short_domain": DOMAIN, "destinations": to})
        made: list[tuple[float, float, int]] = []
        until = time.perf_counter() + WARM_UP_S + options.seconds
        began = time.perf_counter() + WARM_UP_S
        await asyncio.gather(*(_client(session, number, until, made, options) for number in range(options.clients)))
    counted = [(at, took) for at, took, _ in made if at >= began]
    seconds = max(at for at, _ in counted) - began
    times = sorted(took for _, took in counted)
    print(
        f"{len(counted) / seconds:.0f} shared links/s, {options.clients} clients; "
        f"p50 {times[len(times) // 2] * 1000:.0f} ms, p99 {times[len(times) * 99 // 100] * 1000:.0f} ms"
    )
    return await _check(ready, [link_id for *_, link_id in made])


async def _client(
    session: aiohttp.ClientSession, number: int, until: float, made: list[tuple[float, float, int]], options: Any
) -> None:
    count = 0
    while (asked := time.perf_counter()) < until:
        count += 1
        name = f"c{number}-{count}"
        body: dict[str, Any] = {"broadcast_id": "bench"}
        if not options.broadcast:
            body = {"short_domain": DOMAIN, "destination": f"https://shop.acme.example/{name}"}
        if options.slugs:
            body["slug"] = name
        async with session.post(
            "/v1/links", json=body, headers={"Idempotency-Key": name} if options.keys else {}
        ) as at:
            answer = await at.json()
            assert at.status == 201, answer
        made.append((time.perf_counter(), time.perf_counter() - asked, answer["link_id"]))


async def _put(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> None:
    async with session.put(path, json=body) as answer:
        assert answer.status in (200, 201), await answer.text()


async def _check(ready: dict[str, Any], link_ids: list[int]) -> int:
    async with ClickHouse(ready["clickhouse"]) as clickhouse:
        there, different = await clickhouse.value("SELECT [count(), uniqExact(link_id)] FROM links")
    print(f"{len(link_ids)} answered, {there} in ClickHouse, {different} of them different")
    return 0 if len(set(link_ids)) == len(link_ids) == there == different else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""Aggregators that are weaker on purpose, and a `taptrail up` with one of them.

Each is a real one with one of its stores replaced: what it asks of the outside is answered or done wrongly.

python -m tests.chaos.broken_pipelines KIND up ...
"""

import asyncio
import sys

import msgspec

import aggregator.__main__ as process
import cli.__main__
from aggregator.assembly import stores_in
from records.keys import click_stream
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from stack import children
from tests.support.stack import Stack

PAUSE_S = 2.0  # so long are the moments that a kill has to hit: a few kills are enough
KEPT = 20  # entries


class Instead:
    """Stands in place of a store, and is like it in all that a subclass does not say."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class AcknowledgesWhatItReads(Instead):
    """A stream."""

    async def read(self, lanes, which):
        entries, unopened = await self.inner.read(lanes, which)
        last_seqs = {}
        for entry in entries:
            last_seqs.setdefault(entry.lane, []).append(entry.last_seq)
        await self.inner.ack(last_seqs, {})
        return entries, unopened


class KeepsTheLast(Instead):
    """A stream that keeps its last entries, whether they have been read or not."""

    def __init__(self, inner, trim, kept=KEPT):
        super().__init__(inner)
        self.trim, self.kept = trim, kept  # trim(lane, entries): an XTRIM MAXLEN

    async def ack(self, last_seqs, settled):
        await self.inner.ack(last_seqs, settled)
        for lane in last_seqs:
            await self.trim(lane, self.kept)


class NeverReset(Instead):
    """A stream whose holes stay, which an edge could still fill."""

    async def reset(self, lane):
        return


class FindsNothing(Instead):
    """Tables that never say what they have: rows are inserted at least once, as is usual."""

    async def present(self, spans):
        return set()


class Slow(Instead):
    """A server of INSERTs."""

    def __init__(self, inner, *, before_s=0.0, after_s=0.0):
        super().__init__(inner)
        self.before_s, self.after_s = before_s, after_s

    async def send(self, statement, body, query_id):
        await asyncio.sleep(self.before_s)
        await self.inner.send(statement, body, query_id)
        await asyncio.sleep(self.after_s)


class OneTry(Instead):
    """A server of INSERTs that leaves what was not confirmed to whoever reads it again."""

    async def send(self, statement, body, query_id):
        try:
            await self.inner.send(statement, body, query_id)
        except (ClickHouseRefused, ClickHouseUnreachable) as error:
            raise OSError("one try is enough") from error


def acknowledges_first(redis, clickhouse, owner):
    stores = stores_in(redis, clickhouse, owner)
    return stores._replace(stream=AcknowledgesWhatItReads(stores.stream))


def inserts_again(redis, clickhouse, owner):
    stores = stores_in(redis, clickhouse, owner)
    return stores._replace(tables=FindsNothing(stores.tables))


def trims_by_length(redis, clickhouse, owner):
    async def trim(lane, entries):
        await redis.xtrim(click_stream(lane), maxlen=entries, approximate=False)

    stores = stores_in(redis, clickhouse, owner)
    return stores._replace(stream=KeepsTheLast(stores.stream, trim))


def slow_acknowledges_first(*of):
    stores = acknowledges_first(*of)
    return stores._replace(stream=NeverReset(stores.stream), inserts=OneTry(Slow(stores.inserts, before_s=PAUSE_S)))


def slow_inserts_again(*of):
    stores = inserts_again(*of)
    return stores._replace(inserts=Slow(stores.inserts, after_s=2 * PAUSE_S))  # the one kill that counts must hit it


def slow_trims_by_length(*of):
    stores = trims_by_length(*of)
    return stores._replace(stream=NeverReset(stores.stream), inserts=Slow(stores.inserts, before_s=PAUSE_S))


def slow(*of):
    stores = stores_in(*of)
    return stores._replace(inserts=Slow(stores.inserts, after_s=PAUSE_S))


KINDS = {
    "acknowledges-first": slow_acknowledges_first,
    "inserts-again": slow_inserts_again,
    "trims-by-length": slow_trims_by_length,
    "slow": slow,
}


class WeakerStack(Stack):
    """It never comes to rest, so it is killed; its children die with it."""

    def __init__(self, kind, folder, *options):
        self.program = ("tests.chaos.broken_pipelines", kind)
        super().__init__(folder, *options)

    def stop(self):
        self.process.kill()
        return self.process.wait(20)


def main():
    kind, command = sys.argv[1], sys.argv[2]
    if command == "aggregator":
        return process.main(KINDS[kind])
    real = children.aggregator

    def weaker(*arguments):
        command = [sys.executable, "-m", "tests.chaos.broken_pipelines", kind, "aggregator"]
        return msgspec.structs.replace(real(*arguments), command=command)

    children.aggregator = weaker
    del sys.argv[1]
    return cli.__main__.main()


if __name__ == "__main__":
    sys.exit(main())

"""Parts of an aggregator that are weaker on purpose, and a `taptrail up` whose aggregator is made of them.

python -m tests.chaos.broken_pipelines KIND up ...
"""

import asyncio
import sys

import msgspec

import aggregator.__main__ as process
import cli.__main__
from aggregator.click_stream import ClickStream
from aggregator.insert import Writer
from aggregator.pipeline import Pipeline
from records.keys import click_stream
from stack import children
from tests.support.stack import Stack

PAUSE_S = 2.0  # so long are the moments that a kill has to hit: a few kills are enough


class AckFirst(Pipeline):
    """Acknowledges what it has read before it inserts it."""

    async def _move(self, entries):
        by_lane = {}
        for entry in entries:
            by_lane.setdefault(entry.lane, []).append(entry.last_seq)
        await self._stream.ack(by_lane, {})
        return await super()._move(entries)


class NeverCheck(Pipeline):
    """Inserts again what was pending, as is usual: at least once."""

    async def _only_missing(self, batch, *_):
        return batch


class NeverVerify(Writer):
    """Inserts again what was not confirmed."""

    async def missing(self, rows):
        return rows


class TrimByLength(ClickStream):
    """Keeps the last entries, whether they have been read or not."""

    async def ack(self, last_seqs, settled):
        await super().ack(last_seqs, settled)
        for lane in last_seqs:
            await self._redis.xtrim(click_stream(lane), maxlen=20, approximate=False)


class NeverMend(Pipeline):
    """Does not look for holes, which an edge could still fill."""

    async def _mend_hole(self, lane):
        return


class AckFirstAndNeverMend(AckFirst, NeverMend):
    pass


class SlowBefore(Writer):
    async def insert_clicks(self, *arguments):
        await asyncio.sleep(PAUSE_S)
        await super().insert_clicks(*arguments)


class OneTry(SlowBefore):
    """Leaves what it could not insert to whoever reads it again."""

    async def _insert_exactly(self, rows, insert, check_held):
        before = await self._server_time.second_at(check_held({row.lane for row in rows}))
        self._inserts += 1
        await insert(rows, f"clicks:{self._owner}:{self._inserts}", before)


class SlowAfter(Writer):
    async def insert_clicks(self, *arguments):
        await super().insert_clicks(*arguments)
        await asyncio.sleep(PAUSE_S)


KINDS = {
    "acknowledges-first": (AckFirstAndNeverMend, ClickStream, OneTry),
    "inserts-again": (NeverCheck, ClickStream, SlowAfter),
    "trims-by-length": (NeverMend, TrimByLength, SlowBefore),
    "slow": (Pipeline, ClickStream, SlowAfter),
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
        process.Pipeline, process.ClickStream, process.Writer = KINDS[kind]
        return process.main()
    real = children.aggregator

    def weaker(*arguments):
        command = [sys.executable, "-m", "tests.chaos.broken_pipelines", kind, "aggregator"]
        return msgspec.structs.replace(real(*arguments), command=command)

    children.aggregator = weaker
    del sys.argv[1]
    return cli.__main__.main()


if __name__ == "__main__":
    sys.exit(main())

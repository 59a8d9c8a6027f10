"""`make bench`: redirects a second of one core, beside others, in one run; writes loadtest/RESULTS.md.

    python -m loadtest.bench [--links 1000000] [--rounds 5] [--seconds 8] [--only NAME]

Server and Redis share core 0, wrk has core 1. Contestants take turns, round by round. Every request asks for another
personal code, with the headers of a recorded visit. What each recorded is counted afterwards. Needs two cores, and
Debian's wrk, nginx, libnginx-mod-http-lua and lua-nginx-redis.
"""

import argparse
import json
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from loadtest.peers import CODE_KEY, CONTESTANTS, HOST, PORT, Contestant, NginxLua, NginxReturn, Taptrail, Usual
from records.code import CodeCipher

HERE = Path(__file__).parent
CONNECTIONS = 64
# wrk's Lua hashes a string by few of its bytes: without the code in a header too, its string table is the limit.
SCRIPT = """
local codes, heads = {}, {}
for line in io.lines("%(codes)s") do codes[#codes + 1] = line end
for line in io.lines("%(heads)s") do heads[#heads + 1] = (line:gsub("|", "\\r\\n")) end
local n, step = %(start)d, 7919
request = function()
    n = (n + step) %% #codes + 1
    local code = codes[n]
    return "GET /" .. code .. " HTTP/1.1\\r\\nHost: %(host)s\\r\\nX-C: " .. code .. "\\r\\n" .. heads[n %% #heads + 1] .. "\\r\\n\\r\\n"
end
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--only", default="", help="contestants whose class name contains this")
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "nginx", "taskset") if not shutil.which(tool)]
    if missing:
        print(f"not installed: {', '.join(missing)}; apt-get install wrk nginx libnginx-mod-http-lua lua-nginx-redis")
        return 2
    chosen = [one for one in CONTESTANTS if options.only.lower() in one.__name__.lower()]
    rates: dict[str, list[tuple[float, int, int]]] = {one.name: [] for one in chosen}
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-") as name:
        folder = Path(name)
        codes = write_inputs(folder, options.links)
        contestants = [one(folder, options.links) for one in chosen]
        for round_no in range(options.rounds):
            for contestant in contestants:
                result = one_round(contestant, folder, codes, round_no, options.seconds)
                rates[contestant.name].append(result)
                print(
                    f"round {round_no + 1}: {contestant.name}: {result[0]:,.0f}/s, {result[2]} of {result[1]} recorded"
                )
    if not options.only:
        (HERE / "RESULTS.md").write_text(results(rates, options))
    return 0


def write_inputs(folder: Path, links: int) -> str:
    """The codes and the headers wrk sends; gives one code."""
    cipher = CodeCipher(CODE_KEY)
    codes = [cipher.seal(link_id) for link_id in range(links)]
    (folder / "codes").write_text("\n".join(codes))
    visits = json.loads((HERE.parent / "examples" / "visits.json").read_text())
    people = [visit for visit in visits if visit["expected_class"] == "human"]
    heads = ["|".join(f"{name}: {value}" for name, value in visit["headers"]) for visit in people]
    (folder / "heads").write_text("\n".join(heads))
    return codes[0]


def one_round(contestant: Contestant, folder: Path, code: str, round_no: int, seconds: int) -> tuple[float, int, int]:
    """(requests a second, answers, answers recorded)."""
    try:
        contestant.start(code)
        before = contestant.recorded() if contestant.records else 0
        script = folder / "wrk.lua"
        values = {"codes": folder / "codes", "heads": folder / "heads", "host": HOST, "start": round_no * 104_729}
        script.write_text(SCRIPT % values)
        done = threading.Event()
        consumer = threading.Thread(target=_consume, args=(contestant, done))
        consumer.start()
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
                   f"http://127.0.0.1:{PORT}/"]  # fmt: skip
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        done.set()
        consumer.join()
        if "Non-2xx" in out:
            raise SystemExit(f"{contestant.name} gave wrong answers:\n{out}")
        answers = int(_found(r"(\d+) requests in", out))
        recorded = contestant.recorded() - before if contestant.records else 0
        return float(_found(r"Requests/sec:\s+([\d.]+)", out)), answers, recorded
    finally:
        contestant.stop()


def _consume(contestant: Contestant, done: threading.Event) -> None:
    while not done.wait(0.1):
        contestant.consume()


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said:\n{text}")
    return match[1]


def results(rates: dict[str, list[tuple[float, int, int]]], options: argparse.Namespace) -> str:
    """The page: medians, ranges and ratios."""
    medians = {name: statistics.median(rate for rate, _, _ in rounds) for name, rounds in rates.items()}
    ours = medians[Taptrail.name]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, cwd=HERE
    )
    lines = [
        "# Redirects a second of one core",
        "",
        f"`make bench`, {time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip()}, Python {platform.python_version()}, "
        f"{options.links:,} links, {options.rounds} interleaved rounds of {options.seconds} s, {CONNECTIONS} connections. "
        "Server and Redis share one core, wrk has the other. The machine is shared: the ratios count, not the numbers.",
        "",
        "| contestant | median/s | range | Taptrail is | of its answers recorded |",
        "|---|---|---|---|---|",
    ]
    for name, rounds in rates.items():
        found = [rate for rate, _, _ in rounds]
        answers, recorded = (sum(one[place] for one in rounds) for place in (1, 2))
        share = "nothing" if name == NginxReturn.name else f"{recorded:,} for {answers:,}"
        lines.append(
            f"| {name} | {medians[name]:,.0f} | {min(found):,.0f}-{max(found):,.0f} | {ours / medians[name]:.2f}x | {share} |"
        )
    lines += [
        "",
        f"To reach: 2x {NginxLua.name}: {ours / medians[NginxLua.name]:.2f}x. "
        f"0.22x {NginxReturn.name}: {ours / medians[NginxReturn.name]:.2f}x. "
        f"6x {Usual.name}: {ours / medians[Usual.name]:.2f}x.",
        "",
        "wrk counts an answer when it has read it; the few a server records beyond that were on their way when it "
        "stopped, at most one a connection. The `return 302` line shows that the generator is not the limit of the others.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

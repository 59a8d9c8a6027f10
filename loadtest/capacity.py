"""Machines and money for a day of messages, from measured costs and named assumptions; prints the sums.

    python -m loadtest.capacity [--messages-per-day 1e8] [--core-hour 0.04] ...

Every number is an option: the measured ones default to docs/capacity.md, the others are assumptions.
"""

import argparse

# name: (default, what it is)
MEASURED = {
    "edge-us": (27.0, "CPU us of the edge a tap, ticks full, two workers (loadtest.scaling)"),
    "valkey-us": (5.0, "CPU us of Valkey a tap, ticks full (loadtest.scaling)"),
    "aggregator-us": (6.5, "CPU us of the aggregator a click (docs/capacity.md, lanes)"),
    "clickhouse-us": (10.0, "CPU us of ClickHouse to insert and merge a click (loadtest.bench_aggregator says 6-8)"),
    "redis-link-bytes": (12.0, "bytes of a link in Redis (docs/decisions/0011)"),
    "click-bytes": (50.0, "bytes of a click on ClickHouse's disk"),
    "link-bytes": (13.0, "bytes of a link on ClickHouse's disk"),
    "spool-bytes": (404.0, "bytes of a click in spool and stream"),
    "tap-network-bytes": (1_400.0, "bytes of a tap on the wire, both ways, without TLS; an estimate"),
}
ASSUMED = {
    "messages-per-day": (1e8, "messages, one link each"),
    "tap-rate": (0.15, "taps by people for each message (0.05-0.2)"),
    "machine-rate": (0.35, "visits by previews, scanners and bots for each message"),
    "peak-share": (0.5, "of a day's visits that come in its busiest hours"),
    "peak-hours": (4.0, "how many hours those are"),
    "burst-factor": (5.0, "the busiest minute against the mean of the busiest hours"),
    "busy": (0.5, "how busy a core may be at the peak"),
    "link-days": (90.0, "days a link stays in Redis"),
    "click-days": (730.0, "days a click stays in ClickHouse"),
    "outage-hours": (6.0, "hours without ClickHouse that the spools must hold"),
    "copies": (2.0, "of Redis's memory and ClickHouse's disk"),
    "least-cores": (16.0, "cores paid for at least: three edge hosts, two of every other process and store"),
    "core-hour": (0.04, "price of a core for an hour"),
    "memory-gb-month": (3.0, "price of a GB of memory for a month"),
    "disk-gb-month": (0.08, "price of a GB of disk for a month"),
    "network-gb": (0.05, "price of a GB out"),
}
US, GB, MONTH_DAYS = 1e6, 1e9, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, (default, what) in (MEASURED | ASSUMED).items():
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{what}; {default:g}")
    print(report(parser.parse_args()))


def report(a: argparse.Namespace) -> str:
    visits = a.messages_per_day * (a.tap_rate + a.machine_rate)
    peak = visits * a.peak_share / (a.peak_hours * 3600) * a.burst_factor
    cores = {
        "edge": peak * a.edge_us / US / a.busy,
        "Redis": peak * a.valkey_us / US / a.busy,
        # Clicks may wait: these keep up with the busiest hours, not with the busiest minute.
        "aggregator": peak / a.burst_factor * a.aggregator_us / US / a.busy,
        "ClickHouse": peak / a.burst_factor * a.clickhouse_us / US / a.busy,
    }
    memory = a.messages_per_day * a.link_days * a.redis_link_bytes * a.copies / GB
    clicks = visits * a.click_days * a.click_bytes
    disk = (clicks + a.messages_per_day * a.click_days * a.link_bytes) * a.copies / GB
    spool = visits * a.peak_share / a.peak_hours * a.outage_hours * a.spool_bytes / GB
    network = visits * a.tap_network_bytes / GB
    money = {
        "cores": max(sum(cores.values()), a.least_cores) * 24 * MONTH_DAYS * a.core_hour, "memory": memory * a.memory_gb_month,
        "disk": (disk + spool) * a.disk_gb_month, "network": network * MONTH_DAYS * a.network_gb,
    }  # fmt: skip
    rows = [("visits a day", visits), ("visits a second at the peak", peak)]
    rows += [(f"cores, {name}", count) for name, count in cores.items()]
    rows += [("GB of Redis", memory), ("GB of ClickHouse's disk", disk), ("GB of spools", spool)]
    rows += [("GB of network a day", network), ("Gbit/s at the peak", peak * a.tap_network_bytes * 8 / GB)]
    rows += [(f"money a month, {name}", sum_) for name, sum_ in money.items()]
    rows += [("money a month", sum(money.values()))]
    return "\n".join(
        ["| what | |", "|---|---:|", *(f"| {name} | {value:,.{0 if value >= 100 else 2}f} |" for name, value in rows)]
    )


if __name__ == "__main__":
    main()

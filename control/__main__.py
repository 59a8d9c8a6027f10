"""One control process: builds its parts once, serves until a signal."""

import asyncio
import contextlib
import logging
import sys
from functools import partial

from redis.asyncio import Redis
from starlette.types import ASGIApp

import control.lean  # noqa: F401 - before pyarrow
from control.access.key_ring import KeyRing
from control.access.keys import Keys
from control.access.sessions import Sessions
from control.access.shares import Shares
from control.cache.forget import Forget
from control.cache.redis_cache import Cache
from control.cache.resync import Resync, degraded
from control.catalogue.broadcasts import Broadcasts
from control.catalogue.changes import Changes
from control.catalogue.domain_proof import DnsProof
from control.catalogue.domains import DestinationRules, Domains
from control.catalogue.erasures import Erasures
from control.catalogue.listings import Listings
from control.catalogue.quotas import Quotas
from control.catalogue.shared_links import SharedLinks
from control.clickhouse_watchdog import WatchfulClickHouse
from control.http.api import api
from control.http.app import control_app
from control.http.auth import Access
from control.http.calls.broadcasts import BroadcastCalls
from control.http.calls.canaries import CanaryCalls
from control.http.calls.domains import DomainCalls
from control.http.calls.erasures import ErasureCalls
from control.http.calls.installation import InstallationCalls
from control.http.calls.keys import KeyCalls
from control.http.calls.links import LinkCalls
from control.http.calls.lists import ListCalls
from control.http.calls.reports import ReportCalls
from control.http.calls.sending import SendingCalls
from control.http.calls.shares import ShareCalls
from control.locks import Locks
from control.metrics import REGISTRY
from control.minting.canaries import Canaries
from control.minting.claims import Claims
from control.minting.compositions import Compositions
from control.minting.id_allocator import IdAllocator
from control.minting.link_table import LinkTable
from control.minting.minter import Minter
from control.pages.broadcast import BroadcastPage
from control.pages.compare import ComparePage
from control.pages.compose import ComposePage
from control.pages.contact import ContactPage
from control.pages.gate import problem_page
from control.pages.links import LinksPage
from control.pages.live import Live
from control.pages.one_report import OneReport
from control.pages.report_list import ReportList
from control.pages.settings import SettingsPage
from control.pages.shares import SharesPage
from control.pages.site import site
from control.reports.overview import Overview
from control.reports.report import Reports
from control.reports.watched import Watched
from control.settings import Settings
from control.verify.domain_check import DomainCheck
from control.verify.verifier import Verifier
from records.code import CodeCipher
from runtime.admission import Look, refused_by_clickhouse, until_admitted
from runtime.clickhouse import ClickHouse
from runtime.code_key import check_code_key, check_code_key_in_time
from runtime.guard.budget import OF_PROCESS
from runtime.guard.guard import Guard, most_connections
from runtime.process import run
from runtime.redis_client import redis_client, refused_by_redis
from runtime.serve import HttpServer, Readiness, listen_as_set, ops_app, stop_signal
from runtime.store_health import Ask, Stores

TABLES = ("links", "taptrail_internal.mints", "broadcasts", "domains", "clicks", "compositions")
REDIS_S = 1.5  # a call asks Redis in three steps at most: a Redis that hangs costs it no more than five seconds

log = logging.getLogger(__name__)


def build(
    settings: Settings, links_redis: Redis, clicks_redis: Redis, clickhouse: ClickHouse
) -> tuple[ASGIApp, Resync, Keys, Live]:
    """The application, what keeps the cache true, what keeps the keys true, and the streams of open pages."""
    rules = DestinationRules(
        settings.allow_http_destinations, settings.allow_private_destinations, settings.allow_schemes
    )
    cipher = CodeCipher(settings.code_key)
    cache = Cache(links_redis, links_kept_s=max(int(settings.link_cache_days * 86_400), 1))
    locks, ids, links = Locks(links_redis), IdAllocator(links_redis, clickhouse), LinkTable(clickhouse)
    claims = Claims(clickhouse, ids)
    changes = Changes(clickhouse)
    proof = DnsProof(settings.code_key, settings.dns_server) if settings.domain_proof == "dns" else None
    quotas = Quotas(settings.max_domains, settings.max_broadcasts)
    domains = Domains(clickhouse, cache, locks, claims, changes, rules, proof, quotas)
    broadcasts = Broadcasts(clickhouse, cache, locks, domains, ids, claims, links, changes, quotas)
    minter = Minter(broadcasts, claims, links, Compositions(clickhouse), cache, locks, cipher)
    shared = SharedLinks(broadcasts, domains, ids, claims, links, cache, locks, cipher)
    verifier = Verifier(
        clickhouse, domains, links, settings.code_key,
        edge_url=settings.edge_url, fetch_allow=settings.fetch_allow, second_try_s=settings.verify_second_try_s,
    )  # fmt: skip
    ring = KeyRing(settings.api_keys, settings.operator_keys)
    keys = Keys(clickhouse, links_redis, locks, changes, ring)
    listings = Listings(clickhouse, links)
    reports = Reports(clickhouse)
    shares = Shares(clickhouse, locks, changes, settings.code_key)
    calls = api(
        DomainCalls(domains, DomainCheck(settings.code_key, settings.dns_server, settings.fetch_allow)),
        BroadcastCalls(broadcasts), ListCalls(broadcasts, listings),
        SendingCalls(broadcasts, minter, verifier), LinkCalls(shared), KeyCalls(keys),
        CanaryCalls(broadcasts, Canaries(clickhouse, claims, links, minter)),
        ReportCalls(broadcasts, clickhouse, reports), ShareCalls(broadcasts, shares),
        InstallationCalls(clickhouse, clicks_redis), ErasureCalls(Erasures(clickhouse, settings.code_key)),
    )  # fmt: skip
    resync = Resync(links_redis, cache, ids, domains, broadcasts, links, changes)
    access = Access(ring, Sessions(links_redis, ring))
    watched = Watched(clickhouse, broadcasts, reports)
    live = Live(access, watched)
    one_report = OneReport(access, clickhouse, watched, shares, live)
    pages = site(
        access, ReportList(listings, Overview(clickhouse)), ComposePage(domains), BroadcastPage(broadcasts, links),
        LinksPage(listings, domains), SettingsPage(listings, keys),
        ComparePage(broadcasts, watched, one_report.show), ContactPage(listings, clickhouse),
        SharesPage(broadcasts, shares, keys), one_report,
    )  # fmt: skip
    pages = [*pages, *one_report.routes()]
    return control_app(calls, access, pages, partial(problem_page, access)), resync, keys, live


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises SettingsError when a port cannot be had.

    The same for a code key that made none of the links, at the start or when ClickHouse comes back.
    """
    await check_code_key_in_time(settings.clickhouse_url, settings.code_key)
    public = listen_as_set(settings.host, settings.port, "PORT")
    ops = listen_as_set(settings.ops_host, settings.ops_port, "OPS_PORT")
    links_redis, clicks_redis = _redis(settings.redis_url), _redis(settings.clicks_redis_url)
    clickhouse = WatchfulClickHouse(settings.clickhouse_url, timeout_s=60.0)
    app, resync, keys, live = build(settings, links_redis, clicks_redis, clickhouse)
    asks: dict[str, Ask] = {"redis": links_redis.ping, "clickhouse": clickhouse.ping}
    if settings.clicks_redis_url != settings.redis_url:
        asks["clicks redis"] = clicks_redis.ping
    stores = Stores(asks)
    readiness = Readiness(lambda: degraded(stores, resync))
    OF_PROCESS.allow(settings.held_mib)
    guard = Guard(most_connections(), answers_half_closed=False)  # the application bounds bodies
    server = HttpServer(app, public, guard=guard, grace_s=30)
    ops_server = HttpServer(ops_app(REGISTRY, readiness), ops, grace_s=1)

    async with clickhouse, asyncio.TaskGroup() as running:
        await keys.start()
        resyncing = running.create_task(resync.run())
        forgetting = running.create_task(Forget(clickhouse, links_redis).run())
        following = running.create_task(keys.run())
        watching = running.create_task(stores.watch())
        checking = running.create_task(check_code_key(settings.clickhouse_url, settings.code_key))
        serving = [running.create_task(each.run_until_stopped()) for each in (server, ops_server)]
        admitting = running.create_task(_admit(settings, links_redis, clicks_redis, clickhouse, readiness))
        name = await stop_signal()
        admitting.cancel()
        readiness.ready = False
        log.info("stopping: finishing the calls in hand", extra={"signal": name})
        live.end()
        server.stop()
        await serving[0]
        ops_server.stop()
        resyncing.cancel()
        forgetting.cancel()
        following.cancel()
        checking.cancel()
        watching.cancel()
    for client in (links_redis, clicks_redis):
        with contextlib.suppress(Exception):
            await client.aclose()


async def _admit(
    settings: Settings, links_redis: Redis, clicks_redis: Redis, clickhouse: ClickHouse, readiness: Readiness
) -> None:
    looks: dict[str, Look] = {
        "TAPTRAIL_REDIS_URL": partial(refused_by_redis, links_redis),
        "TAPTRAIL_CLICKHOUSE_URL": partial(refused_by_clickhouse, clickhouse, TABLES, writes=True),
    }
    if settings.clicks_redis_url != settings.redis_url:
        looks["TAPTRAIL_CLICKS_REDIS_URL"] = partial(refused_by_redis, clicks_redis)
    await until_admitted(looks, readiness)
    log.info("ready: serving the API", extra={"port": settings.port})


def _redis(url: str) -> Redis:
    return redis_client(url, timeout_s=REDIS_S, connect_timeout_s=REDIS_S, reconnects=1)


def main() -> int:
    # A thread that checks or builds links lets the loop wait this long for its turn, at every write: at Python's 5 ms
    # a million links took 9.0 s, now 7.5.
    sys.setswitchinterval(0.0005)
    return run("control", Settings, serve)


if __name__ == "__main__":
    sys.exit(main())

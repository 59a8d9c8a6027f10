"""This machine as the processes need it: the spool's disk, open files, geo databases, whose headers are believed."""

import asyncio
import os
import resource
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import maxminddb

from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, broken, ok, size, warning
from records.networks import Networks
from runtime.guard.guard import FEW_DESCRIPTORS
from visitors.geo import Geo, GeoError

T = TypeVar("T")

_LOW, _VERY_LOW_BYTES = 0.15, 64 * 1024 * 1024
_SLOW_FSYNC_S = 0.2
_FORGETS = {"tmpfs", "ramfs", "overlay", "aufs"}
_DISTANT = {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p"}
_OLD_DAYS = 45  # as the alert TaptrailGeoOld
_WIDE = {4: 8, 6: 16}  # bits; a shorter prefix is more than any network of one's own


async def look_at_host(given: Given) -> AsyncIterator[Finding]:
    if "edge" in given.processes:
        yield _open_files()
        header = given.values.get("forwarded_header", "x-forwarded-for")
        yield _proxies(given.values.get("trusted_proxies", Networks()), header)
    if "spool_dir" in given.values:
        async for finding in _spool(Path(given.values["spool_dir"])):
            yield finding
    if "aggregator" in given.processes:
        for variable, what in (("GEO_CITY_DB", "country, region and city"), ("GEO_ASN_DB", "the network")):
            yield await aside(partial(_geo, variable, given.text(variable), what))


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FEW_DESCRIPTORS:
        remedy = f"raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE=) to {FEW_DESCRIPTORS} or more"
        return warning("open files", f"{hard} at most, each connection takes one", remedy)
    return ok("open files", f"{hard} at most")


def _proxies(proxies: Networks, header: str) -> Finding:
    wide = [str(one) for one in proxies if one.prefixlen < _WIDE[one.version]]
    if wide:
        remedy = "name your proxies alone: whom it names may claim any address"
        return warning("trusted proxies", f"TAPTRAIL_TRUSTED_PROXIES has {', '.join(wide)}", remedy)
    if not proxies:
        return ok("trusted proxies", "not set: the address that connects is the visitor's, right without a proxy only")
    return ok("trusted proxies", f"{', '.join(map(str, proxies))}; they have to write {header}")


async def _spool(folder: Path) -> AsyncIterator[Finding]:
    there = await aside(lambda: next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path("/")))
    if there != folder:
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            remedy = "make it, or let TAPTRAIL_SPOOL_DIR name a directory that this user can make"
            yield broken("spool", f"{folder} is not there and cannot be made in {there}", remedy)
            return
        yield ok("spool", f"{folder} is not there yet; the edge makes it")
    yield await aside(lambda: _disk_space(there))
    yield _file_system(await aside(lambda: _file_system_of(there)))
    if there == folder:
        yield await aside(lambda: _write(folder))


def _disk_space(folder: Path) -> Finding:
    disk = os.statvfs(folder)
    free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    found = f"{size(free)} of {size(whole)} free"
    if free < _VERY_LOW_BYTES:
        return broken("spool space", found, "free or add space: clicks wait here in an outage (docs/runbook.md#spool)")
    if free < _LOW * whole:
        return warning("spool space", found, "add space before the next outage (docs/runbook.md#spool)")
    return ok("spool space", found)


def _file_system_of(folder: Path) -> str:
    """The type of the file system a folder is on, by proc(5), mountinfo; "" where there is none."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    mounts = Path("/proc/self/mountinfo")
    for line in mounts.read_text().splitlines() if mounts.exists() else []:
        mount, _, kind = line.partition(" - ")
        if mount.split(" ")[2] == wanted:
            return kind.split(" ")[0]
    return ""


def _file_system(kind: str) -> Finding:
    if kind in _FORGETS:
        remedy = "let TAPTRAIL_SPOOL_DIR name a directory on a disk or volume that outlives the process"
        return warning("spool file system", f"{kind}: what waits there is lost with the container or host", remedy)
    if kind in _DISTANT:
        remedy = "use a local disk: every tap waits for a write to it"
        return warning("spool file system", f"{kind}: it is not a disk of this machine", remedy)
    return ok("spool file system", kind or "not known")


def _write(folder: Path) -> Finding:
    """Write, flush to the disk and remove a file, as the edge does with its segments."""
    started = time.monotonic()
    try:
        with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        remedy = "let the user of the edge write there, repair the disk, or choose another TAPTRAIL_SPOOL_DIR"
        return broken("spool", f"{folder} cannot be written: {error.strerror}", remedy)
    took_s = time.monotonic() - started
    if took_s > _SLOW_FSYNC_S:
        return warning("spool", f"{folder} takes {took_s:.1f} s for 4 KiB", "use a faster disk, or find what loads it")
    return ok("spool", f"{folder} can be written, fsync works")


def _geo(variable: str, paths: str, what: str) -> Finding:
    check = "geo city" if "CITY" in variable else "geo network"
    if not paths:
        return ok(check, f"TAPTRAIL_{variable} is not set: of visitors, {what} stays unknown")
    try:
        Geo(paths if "CITY" in variable else "", paths if "ASN" in variable else "")
    except GeoError as error:
        return broken(check, str(error), "put a readable .mmdb file there; the aggregator does not start without")
    names = [path.strip() for path in paths.split(",") if path.strip()]
    built = {name: maxminddb.open_database(name).metadata() for name in names}
    days = max((time.time() - one.build_epoch) / 86_400 for one in built.values())
    found = ", ".join(f"{path}: {one.database_type}" for path, one in built.items()) + f", {days:.0f} days old"
    if days > _OLD_DAYS:
        return warning(check, found, "fetch a newer one (docs/geo.md): addresses change hands")
    return ok(check, found)


async def aside(work: Callable[[], T]) -> T:
    """Work that a hanging disk may hold up for ever, in a thread that holds up nobody else. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if not done.done():
            done.set_result(result) if error is None else done.set_exception(error)  # type: ignore[arg-type]

    def run() -> None:
        try:
            result, error = work(), None
        except Exception as fault:
            result, error = None, fault
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    async with asyncio.timeout(STEP_S):
        return await done

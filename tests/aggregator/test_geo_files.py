"""Geo files that are replaced while clicks move."""

import asyncio
import logging
import os
import time

import pytest

from aggregator.geo_files import LOOK_EVERY_S, GeoFiles
from records.address import packed_address, prefix_of
from tests.support.geo_files import written

HERE = prefix_of(packed_address("203.0.113.1"))


def city(path, name):
    return written(path, {"203.0.113.0/24": {"country_code": "US", "city": name}})


def replace(path, name):
    """As `make geo` does: another file gets the name."""
    city(path.with_suffix(".part"), name)
    path.with_suffix(".part").rename(path)


@pytest.fixture
def path(tmp_path):
    city(tmp_path / "city.mmdb", "Seattle")
    return tmp_path / "city.mmdb"


def test_a_replaced_file_is_taken_up(path, caplog):
    caplog.set_level(logging.INFO)
    files = GeoFiles(str(path), "")

    replace(path, "Tacoma")
    assert files.look_up(HERE).city == "Seattle"
    files.refresh()

    assert files.look_up(HERE).city == "Tacoma"
    assert "geo_replaced" in caplog.text


def test_a_file_of_the_same_age_and_size_is_another_by_its_inode(path):
    files = GeoFiles(str(path), "")
    before = path.stat()

    city(path.with_suffix(".part"), "Redmond")
    os.utime(path.with_suffix(".part"), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_suffix(".part").rename(path)
    files.refresh()

    assert files.look_up(HERE).city == "Redmond"


def test_the_former_file_is_closed_at_the_look_after(path):
    files = GeoFiles(str(path), "")
    former = files._geo
    replace(path, "Tacoma")

    files.refresh()
    assert former.look_up(HERE).city == "Seattle"  # a look-up that was under way
    files.refresh()

    with pytest.raises(ValueError, match="closed"):
        former.look_up(prefix_of(packed_address("203.0.114.1")))
    assert files.look_up(HERE).city == "Tacoma"


@pytest.mark.parametrize("broken", ["text", "half", "gone"])
def test_a_broken_file_is_refused_once_and_the_former_stays(path, caplog, broken):
    files = GeoFiles(str(path), "")
    whole = path.read_bytes()
    path.unlink()
    if broken != "gone":
        path.write_bytes(b"nothing" if broken == "text" else whole[: len(whole) // 2])

    for _ in range(3):
        files.refresh()

    assert files.look_up(HERE).city == "Seattle"
    assert [record.message.partition(":")[0] for record in caplog.records] == ["geo_refused"]
    assert str(path) in caplog.records[0].error

    replace(path, "Tacoma")
    files.refresh()
    assert files.look_up(HERE).city == "Tacoma"


def test_one_of_several_files_is_enough(tmp_path, path):
    asn = written(tmp_path / "asn.mmdb", {"203.0.113.0/24": {"autonomous_system_number": 64500}})
    files = GeoFiles(str(path), asn)

    written(tmp_path / "part", {"203.0.113.0/24": {"autonomous_system_number": 64501}})
    (tmp_path / "part").rename(asn)
    files.refresh()

    assert (files.look_up(HERE).asn, files.look_up(HERE).city) == (64501, "Seattle")


def test_the_age_is_that_of_the_oldest_file(path):
    assert GeoFiles("", "").age_days(time.time()) is None
    assert GeoFiles(str(path), "").age_days(time.time() + 10 * 86_400) == pytest.approx(10, abs=0.01)


async def test_files_are_looked_at_again_and_again(path):
    assert LOOK_EVERY_S <= 30  # and the former is closed as late: taken up within a minute
    files = GeoFiles(str(path), "")
    running = asyncio.create_task(files.run(every_s=0.01))
    try:
        for name in ("Tacoma", "Redmond"):
            replace(path, name)
            async with asyncio.timeout(10):
                while files.look_up(HERE).city != name:
                    await asyncio.sleep(0.01)
    finally:
        running.cancel()

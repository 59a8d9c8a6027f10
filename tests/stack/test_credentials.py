"""The keys of a data directory are kept, and never silently replaced."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stack.credentials import DamagedCredentials, credentials_in, tighten


def test_a_second_start_has_the_same_keys(tmp_path):
    assert credentials_in(tmp_path) == credentials_in(tmp_path)


def test_a_directory_from_before_redis_had_a_password_gets_one_and_keeps_its_keys(tmp_path):
    made = credentials_in(tmp_path)
    file = tmp_path / "credentials.json"
    former = {name: text for name, text in json.loads(file.read_text()).items() if name != "redis_password"}
    file.write_text(json.dumps(former))

    kept = credentials_in(tmp_path)

    assert kept.redis_password not in ("", made.redis_password)
    assert credentials_in(tmp_path) == kept
    assert (kept.code_key, kept.api_key) == (made.code_key, made.api_key)


def test_what_an_earlier_version_left_readable_is_tightened(tmp_path):
    (tmp_path / "spool").mkdir(mode=0o755)
    file = tmp_path / "spool" / "1.spool"
    file.write_bytes(b"clicks")
    file.chmod(0o644)
    (tmp_path / "link").symlink_to("/etc/hostname")

    tighten(tmp_path)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "spool", file)] == [0o700, 0o700, 0o600]
    assert stat.S_IMODE(Path("/etc/hostname").stat().st_mode) & 0o044


@pytest.mark.parametrize("content", ["", "{", "[]", '{"code_key":"0"}'])
def test_damaged_keys_are_left_alone_and_named(tmp_path, content):
    file = tmp_path / "credentials.json"
    file.write_text(content)

    with pytest.raises(DamagedCredentials, match="restore it from a backup"):
        credentials_in(tmp_path)

    assert file.read_text() == content


@pytest.mark.servers
def test_up_says_in_one_line_that_the_keys_are_damaged(tmp_path):
    (tmp_path / "credentials.json").write_text("{")

    ports = [word for name in ("edge", "control", "clickhouse", "redis", "ops") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "cli", "up", "--data", str(tmp_path), *ports]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'credentials.json'} cannot be read")
    assert done.stderr.count("\n") == 1

"""The keys of a data directory are kept, and never silently made anew."""

import subprocess
import sys

import pytest

from stack.credentials import DamagedCredentials, credentials_in


def test_a_second_start_has_the_same_keys(tmp_path):
    assert credentials_in(tmp_path) == credentials_in(tmp_path)


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

"""An edge that cannot start says which variable is to be mended."""

import os
import subprocess
import sys

import pytest

from edge.settings import Settings
from runtime.environment import SettingsError, settings_from
from tests.processes import free_port


@pytest.mark.parametrize("folder", ["/proc/spool", "/etc/passwd/spool", "/sys"])
def test_a_spool_that_cannot_be_written_names_its_variable(folder):
    environ = {
        **os.environ, "TAPTRAIL_SPOOL_DIR": folder, "TAPTRAIL_CODE_KEY": "0f" * 16, "TAPTRAIL_PORT": str(free_port()),
        "TAPTRAIL_OPS_PORT": str(free_port()), "TAPTRAIL_REDIS_URL": "redis://127.0.0.1:1",
        "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1:1",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "edge"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert f"TAPTRAIL_SPOOL_DIR={folder}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_header_that_no_proxy_writes_is_refused():
    environ = {
        "TAPTRAIL_CODE_KEY": "0f" * 16, "TAPTRAIL_REDIS_URL": "redis://127.0.0.1", "TAPTRAIL_SPOOL_DIR": "/x",
        "TAPTRAIL_CLICKHOUSE_URL": "http://127.0.0.1", "TAPTRAIL_FORWARDED_HEADER": "x-real-ip",
    }  # fmt: skip

    with pytest.raises(SettingsError) as refused:
        settings_from(environ, Settings)

    assert str(refused.value) == "TAPTRAIL_FORWARDED_HEADER=x-real-ip: expected x-forwarded-for or forwarded"

import asyncio
import os
import subprocess
import sys

import pytest

from tests.control.conftest import control, control_process, controls, redis, valkey_url  # noqa: F401
from tests.support.control import MAIN


@pytest.fixture
def taptrail(control, tmp_path):  # noqa: F811
    """Runs `taptrail` in a folder of its own, as a client of a control process on empty stores."""

    def run(*arguments, **environ):
        known = {"TAPTRAIL_CONTROL_URL": control.url, "TAPTRAIL_API_KEY": MAIN}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TAPTRAIL_")}
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)], env=clean | known | environ, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    async def taptrail(*arguments, **environ):
        return await asyncio.to_thread(run, *arguments, **environ)

    return taptrail

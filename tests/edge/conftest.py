import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: the full-disk rule is not tested")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)

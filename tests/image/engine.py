"""Builds the Dockerfile and runs what comes of it, without a Docker engine: buildah, podman and runc from Debian."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

from tests.support.eventually import wait_until

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
BASE = "docker.io/library/python:3.11-slim-bookworm"  # what the Dockerfile starts from; nothing is pulled
# What compose.yaml and the manifests ask for. No tmpfs: the volume is the one place that can be written to.
HARDENED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # packages come through whatever this machine trusts
_CONTAINERS = """[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""


class NotHere(Exception):
    """One line: why images cannot be built on this machine."""


class Engine:
    """Images and containers of their own, in one folder; layers are kept for the next run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        (folder / "containers.conf").write_text(_CONTAINERS.format(files=files))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
        (folder / "pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n")
        self._environ = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def build(self, target: str) -> str:
        """One target of the Dockerfile; gives the image's name."""
        if self.run("podman", "image", "exists", BASE, check=False).returncode:
            self.run("sh", str(ROOT / "image/base.sh"), BASE, str(self._folder / "base"))
        image = f"localhost/taptrail:{target}"
        certificates = [f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro"]
        certificates += [f"--volume={self._folder / 'pip.conf'}:/etc/pip.conf:ro"]
        self.run("buildah", "bud", "--layers", "--pull-never", "--network=host", "--format=docker", *certificates,
                 f"--target={target}", f"--tag={image}", str(ROOT))  # fmt: skip
        self.run("podman", "image", "prune", "--force", "--filter=until=24h")  # layers of older states of the tree
        return image

    def megabytes(self, image: str) -> float:
        return int(self.run("podman", "image", "inspect", "--format={{.Size}}", image).stdout) / 1e6

    def run(self, *command: str, check: bool = True, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self._environ, capture_output=True, text=True, check=False, timeout=timeout_s
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def start(self, image: str, *arguments: str, memory: str, name: str, **environ: str) -> "Container":
        """A hardened container on this machine's network. Its health is asked by hand: the timer would be systemd's."""
        variables = [f"--env={name}={text}" for name, text in environ.items()]
        self.run("podman", "rm", "--force", "--volumes", "--ignore", name)
        self.run("podman", "run", "--detach", f"--name={name}", *HARDENED, f"--memory={memory}", "--network=host",
                 "--health-interval=disable", *variables, image, *arguments)  # fmt: skip
        return Container(self, name)


class Container:
    """One container, until it is removed."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self.name = engine, name

    def exec(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._engine.run("podman", "exec", self.name, *command, check=check)

    def check_health(self) -> bool:
        """What the image's own HEALTHCHECK says."""
        return self._engine.run("podman", "healthcheck", "run", self.name, check=False).returncode == 0

    def signal(self, name: str) -> None:
        self._engine.run("podman", "kill", f"--signal={name}", self.name)

    def inspect(self, template: str) -> str:
        return self._engine.run("podman", "inspect", f"--format={template}", self.name).stdout.strip()

    def logs(self) -> str:
        done = self._engine.run("podman", "logs", self.name)
        return done.stdout + done.stderr

    def wait_healthy(self, longest_s: float = 60) -> None:
        def is_healthy() -> bool:
            assert self.inspect("{{.State.Running}}") == "true", self.logs()
            return self.check_health()

        wait_until(is_healthy, within_s=longest_s)

    def stop(self, within_s: int) -> int:
        """SIGTERM, as `docker stop` does; gives the exit status, 137 when it had to be killed."""
        self._engine.run("podman", "stop", f"--time={within_s}", self.name)
        return int(self.inspect("{{.State.ExitCode}}"))

    def remove(self) -> None:
        self._engine.run("podman", "rm", "--force", "--volumes", "--ignore", self.name)


def install_tools() -> None:
    """Install what is missing of the tools; raises NotHere."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if os.geteuid() != 0:
        raise NotHere("it takes root")
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise NotHere(f"{', '.join(missing)} are not installed, and there is no apt-get")
    install = "apt-get update -qq && apt-get install -qq --no-install-recommends " + " ".join(TOOLS)
    done = subprocess.run(["sh", "-c", install], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(f"{', '.join(missing)} cannot be installed: {done.stderr.strip()[-300:]}")

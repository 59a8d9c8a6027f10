"""compose.yaml: what it promises about secrets, rights, ports and files, told by the settings of the processes."""

import re
import xml.etree.ElementTree as ET
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml

from aggregator.__main__ import STOP_S
from aggregator.settings import Settings as AggregatorSettings
from control.settings import Settings as ControlSettings
from edge.settings import Settings as EdgeSettings
from runtime.environment import settings_from, variables
from stack.clickhouse.users import Limits
from stack.valkey import valkey_command
from tests.image.engine import ROOT

SETTINGS = {"edge": EdgeSettings, "aggregator": AggregatorSettings, "control": ControlSettings}
SECRETS = {
    "TAPTRAIL_CODE_KEY": "000102030405060708090a0b0c0d0e0f",
    "TAPTRAIL_API_KEYS": "main:main-key-0123456789",
    "REDIS_PASSWORD": "redispassword",
    "CLICKHOUSE_WRITER_PASSWORD": "writerpassword",
    "CLICKHOUSE_ANALYST_PASSWORD": "analystpassword",
    "CLICKHOUSE_OPERATOR_PASSWORD": "operatorpassword",
    "GRAFANA_ADMIN_PASSWORD": "grafanapassword",
}
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")


def filled_in(part: Any, variables: dict[str, str]) -> Any:
    """Compose's interpolation of values; raises KeyError for a required variable that is not given."""
    if isinstance(part, dict):
        return {name: filled_in(value, variables) for name, value in part.items()}
    if isinstance(part, list):
        return [filled_in(value, variables) for value in part]
    return _VARIABLE.sub(lambda found: _value(found, variables), part) if isinstance(part, str) else part


def _value(found: re.Match[str], variables: dict[str, str]) -> str:
    if found["kind"] == "-":
        return variables.get(found["name"]) or found["rest"]
    return variables[found["name"]]


def composed(variables: dict[str, str]) -> dict:
    return filled_in(yaml.safe_load((ROOT / "compose.yaml").read_text()), variables)


@pytest.fixture(scope="module")
def compose() -> dict:
    return composed(SECRETS)


@pytest.fixture(scope="module")
def services(compose) -> dict:
    return compose["services"]


def ours(services) -> dict:
    return {name: services[name] for name in SETTINGS}


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_starts_while_a_secret_is_missing(secret):
    with pytest.raises(KeyError, match=secret):
        composed({name: text for name, text in SECRETS.items() if name != secret})


def test_no_secret_has_a_default_or_stands_in_the_file():
    found = {match["name"]: match["kind"] for match in _VARIABLE.finditer((ROOT / "compose.yaml").read_text())}

    assert {name for name, kind in found.items() if kind == "?"} == set(SECRETS)
    assert {name for name, kind in found.items() if kind is None} == set()


def test_the_example_of_the_env_file_names_every_secret_and_holds_none():
    lines = [
        line.partition("=") for line in (ROOT / "image/env.example").read_text().splitlines() if line[:1].isupper()
    ]
    example = {name: text for name, _, text in lines}
    known = {match["name"] for match in _VARIABLE.finditer((ROOT / "compose.yaml").read_text())}

    assert set(SECRETS) <= set(example) <= known
    assert {example[name] for name in SECRETS} == {""}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_process_is_given_what_it_requires_and_nothing_it_does_not_know(services, name):
    environment = services[name]["environment"]

    settings_from(environment, SETTINGS[name])

    known = {variable for field in msgspec.structs.fields(SETTINGS[name]) for variable in variables(field)}
    assert services[name]["command"] == [name]
    assert environment.keys() - known == set()


def test_images_have_tags_and_ours_is_one_image(services):
    images = {name: service["image"] for name, service in services.items()}

    assert [name for name, image in images.items() if not re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?", image)] == []
    assert len({images[name] for name in SETTINGS}) == 1


def test_only_the_doors_are_published_on_this_host_alone(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {
        "edge": ["127.0.0.1:8080:8080"],
        "control": ["127.0.0.1:8081:8081"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    for name in ("edge", "control"):
        assert services[name]["environment"]["TAPTRAIL_PORT"] == published[name][0].rpartition(":")[2]
        assert services[name]["environment"]["TAPTRAIL_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("name", SETTINGS)
def test_every_process_reaches_its_stores(services, name):
    for store, variable in (("valkey", "TAPTRAIL_REDIS_URL"), ("clickhouse", "TAPTRAIL_CLICKHOUSE_URL")):
        address = urlsplit(services[name]["environment"][variable])

        assert (address.hostname, address.port) == (store, {"valkey": 6379, "clickhouse": 8123}[store])
        assert set(services[store]["networks"]) & set(services[name]["networks"])


def test_the_stores_lie_on_networks_without_a_way_outside(compose):
    outside = {name for name, options in compose["networks"].items() if not options.get("internal")}

    assert outside == {"front"}
    assert [name for name, service in compose["services"].items() if "front" in service["networks"]] == [
        "edge", "control", "grafana",
    ]  # fmt: skip


def test_containers_have_no_capabilities_and_cannot_become_root(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name


def test_every_file_and_volume_that_is_mounted_exists(compose):
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
            assert there, f"{name} mounts {source}"


def test_the_spool_outlives_its_container(services):
    volumes = dict(volume.split(":") for volume in services["edge"]["volumes"])

    assert services["edge"]["environment"]["TAPTRAIL_SPOOL_DIR"].startswith(volumes["spool"] + "/")


def test_backups_go_to_a_volume_of_their_own_by_a_user_whom_the_client_knows(services):
    clickhouse = services["clickhouse"]
    disk = ET.parse(ROOT / "image/clickhouse/config.xml").find("storage_configuration/disks/backups")
    volumes = dict(volume.split(":")[:2] for volume in clickhouse["volumes"])

    assert volumes["backups"] + "/" == disk.findtext("path")
    assert clickhouse["environment"]["CLICKHOUSE_USER"] == "operator"
    assert clickhouse["environment"]["CLICKHOUSE_PASSWORD"] == SECRETS["CLICKHOUSE_OPERATOR_PASSWORD"]


def test_a_stop_leaves_the_edge_the_time_of_its_drain(services):
    grace_s = int(services["edge"]["stop_grace_period"].removesuffix("s"))

    assert grace_s >= 10 + float(services["edge"]["environment"]["TAPTRAIL_DRAIN_S"]) + 5


@pytest.mark.parametrize("where", ["compose.yaml", "docs/image.md"])
def test_a_stop_leaves_the_aggregator_the_time_of_its_batch(services, where):
    documented = re.search(r"(\d+) for an aggregator", (ROOT / "docs/image.md").read_text())[1]
    compose = services["aggregator"]["stop_grace_period"].removesuffix("s")

    assert 2 * STOP_S >= int({"compose.yaml": compose, "docs/image.md": documented}[where]) >= STOP_S + 5


def test_a_proxy_on_the_host_is_believed_from_the_first_start(compose):
    """A published port is reached from the gateway of the one network that leads outside."""
    (front,) = compose["networks"]["front"]["ipam"]["config"]
    (given,) = re.findall(r"^TAPTRAIL_TRUSTED_PROXIES=(.*)$", (ROOT / "image/env.example").read_text(), re.MULTILINE)

    assert given == f"{front['gateway']}/32"
    assert ip_address(front["gateway"]) in ip_network(front["subnet"])
    assert front["gateway"] in (ROOT / "docs/deploy.md").read_text()


def test_what_grafana_installs_has_a_version(services):
    assert re.fullmatch(r"[a-z-]+@\d+\.\d+\.\d+", services["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"])


def test_whatever_waits_for_health_waits_for_something_that_has_a_health_check(services):
    checked = set(SETTINGS) | {name for name, service in services.items() if "healthcheck" in service}

    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            assert other in services, name
            assert wanted["condition"] == "service_started" or other in checked, f"{name} waits for {other}"
    assert services["aggregator"]["depends_on"]["clickhouse"]["condition"] == "service_healthy"


def test_valkey_keeps_its_promises_as_in_the_embedded_stack(services, tmp_path):
    command = services["valkey"]["command"]
    given = dict(zip(command[2::2], command[3::2], strict=True))
    embedded = valkey_command(tmp_path, 1)
    same = dict(zip(embedded[1::2], embedded[2::2], strict=True))

    for option in ("--bind", "--port", "--dir", "--loglevel", "--maxmemory"):  # its own place in its own container
        same.pop(option)
    assert {name: given[name] for name in same} == same
    assert command[1] == services["valkey"]["configs"][0]["target"]
    assert given["--maxmemory"] == "1gb"


def test_the_limits_of_an_analyst_are_those_of_the_embedded_stack():
    profile = ET.parse(ROOT / "image/clickhouse/users.xml").find("profiles/analyst")

    limits = {name: profile.findtext(name) for name in Limits.__struct_fields__}
    highest = {name: profile.findtext(f"constraints/{name}/max") for name in Limits.__struct_fields__}

    assert limits == {name: str(getattr(Limits(), name)) for name in Limits.__struct_fields__}
    assert highest == limits
    assert profile.findtext("readonly") == "2"


def test_prometheus_asks_the_ops_port_of_every_process(services):
    config = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}

    for name, service in ours(services).items():
        (scraped,) = jobs[name]["dns_sd_configs"]
        assert (scraped["names"], str(scraped["port"])) == ([name], service["environment"]["TAPTRAIL_OPS_PORT"])
        assert "ops" in service["networks"]


def test_grafana_reads_what_prometheus_has_and_what_an_analyst_may(services):
    folder = ROOT / "observability/grafana/provisioning/datasources"
    sources = {
        source["type"]: source for source in yaml.safe_load((folder / "taptrail.yaml").read_text())["datasources"]
    }
    clickhouse = sources["grafana-clickhouse-datasource"]

    assert sources["prometheus"]["url"] == "http://prometheus:9090"
    assert (clickhouse["jsonData"]["host"], clickhouse["jsonData"]["username"]) == ("clickhouse", "analyst")
    assert clickhouse["secureJsonData"]["password"] == "$CLICKHOUSE_ANALYST_PASSWORD"
    assert "CLICKHOUSE_ANALYST_PASSWORD" in services["grafana"]["environment"]

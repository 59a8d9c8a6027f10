"""The environment that the manifests give is one that the processes take."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

import aggregator.settings
import control.settings
import edge.settings
from runtime.environment import SettingsError, settings_from, variables
from tests.support.manifests import (
    Rendered,
    container_of,
    environment_of,
    example_secret,
    example_variables,
    filled_in,
    ports_of,
)

RECORDS = {
    "edge": edge.settings.Settings,
    "aggregator": aggregator.settings.Settings,
    "control": control.settings.Settings,
}


@pytest.mark.parametrize("process", RECORDS)
def test_a_process_is_given_all_it_needs_and_nothing_it_does_not_know(rendered: Rendered, process: str):
    workload = rendered.workload(process)
    environment = environment_of(rendered, workload, filled_in(example_secret(process)))
    known = {name for field in msgspec.structs.fields(RECORDS[process]) for name in variables(field)}

    settings = settings_from(environment, RECORDS[process])

    assert environment.keys() <= known
    assert settings.ops_port == ports_of(workload)["ops"]
    assert settings.ops_host == "0.0.0.0"
    assert container_of(workload)["args"] == [process]
    if process != "aggregator":
        assert (settings.host, settings.port) == ("0.0.0.0", ports_of(workload)["http"])


@pytest.mark.parametrize("process", RECORDS)
def test_an_example_secret_that_nobody_filled_in_is_refused(production: Rendered, process: str):
    environment = environment_of(production, production.workload(process), example_secret(process))

    with pytest.raises(SettingsError, match="TAPTRAIL_CODE_KEY"):
        settings_from(environment, RECORDS[process])


@pytest.mark.parametrize("process", RECORDS)
def test_a_secret_holds_what_its_process_reads_and_no_more(production: Rendered, process: str):
    read = {variable["name"] for variable in container_of(production.workload(process))["env"]}

    assert example_variables(process) == read


def test_no_secret_is_among_the_manifests(rendered: Rendered):
    assert rendered.all("Secret") == []
    names = [name for one in rendered.all("ConfigMap") for name in one["data"]]
    assert not any("KEY" in name or name.endswith(("REDIS_URL", "CLICKHOUSE_URL")) for name in names)


@pytest.mark.parametrize("process", RECORDS)
def test_clicks_can_have_a_redis_of_their_own(production: Rendered, process: str):
    secret = filled_in(example_secret(process)) | {"TAPTRAIL_CLICKS_REDIS_URL": "redis://clicks:6379"}
    if process == "aggregator":
        del secret["TAPTRAIL_REDIS_URL"]

    settings = settings_from(environment_of(production, production.workload(process), secret), RECORDS[process])

    assert settings.clicks_redis_url == "redis://clicks:6379"


def test_the_network_lets_every_process_reach_its_stores(rendered: Rendered):
    (rule,) = rendered.one("NetworkPolicy", "stores")["spec"]["egress"]
    namespace = rule["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    allowed = {port["port"] for port in rule["ports"]}

    for process in RECORDS:
        secret = filled_in(example_secret(process))
        stores = [urlsplit(secret[name]) for name in ("TAPTRAIL_REDIS_URL", "TAPTRAIL_CLICKHOUSE_URL")]

        assert {store.hostname.split(".")[1] for store in stores} == {namespace}
        assert {store.port for store in stores} == allowed


def test_the_spool_lies_on_the_volume(rendered: Rendered):
    workload = rendered.workload("edge")
    environment = environment_of(rendered, workload, filled_in(example_secret("edge")))
    (mount,) = container_of(workload)["volumeMounts"]

    assert Path(mount["mountPath"]) in Path(environment["TAPTRAIL_SPOOL_DIR"]).parents


def test_the_visitors_address_is_taken_from_the_ingress(production: Rendered):
    environment = environment_of(production, production.workload("edge"), filled_in(example_secret("edge")))

    assert settings_from(environment, edge.settings.Settings).trusted_proxies

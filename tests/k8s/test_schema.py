"""Every manifest is one that the API server, KEDA and the Prometheus Operator take."""

import copy
import re

import kubernetes_validate
import pydantic
import pytest

from tests.support.manifests import NEWEST, OLDEST, Rendered, container_of, validate

UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def quantity(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9]+)(m|Ki|Mi|Gi|)", str(text)).groups()
    return int(number) * UNITS[unit]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_valid_in_the_oldest_and_the_newest_version(rendered: Rendered, version: str):
    for manifest in rendered.objects:
        validate(manifest, version)


def test_a_misspelt_field_and_an_unknown_kind_are_noticed(with_components: Rendered):
    for manifest in with_components.all("Deployment", "ScaledObject", "PodMonitor"):
        misspelt = copy.deepcopy(manifest)
        misspelt["spec"]["replica"] = 2
        with pytest.raises((kubernetes_validate.ValidationError, pydantic.ValidationError), match="replica"):
            validate(misspelt, NEWEST)

    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        validate({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}, NEWEST)


def test_every_object_has_a_name_of_its_own_in_one_namespace(rendered: Rendered):
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered.objects]
    namespaces = {one["metadata"].get("namespace") for one in rendered.objects if one["kind"] != "Namespace"}

    assert len(names) == len(set(names))
    assert namespaces == {"taptrail"}
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for _, name in names)


def test_every_container_says_what_it_needs_and_may_not_take_more_memory(rendered: Rendered):
    for workload in rendered.workloads():
        resources = container_of(workload)["resources"]

        assert quantity(resources["requests"]["cpu"]) > 0
        assert quantity(resources["requests"]["memory"]) <= quantity(resources["limits"]["memory"])


def test_a_node_is_asked_for_the_disk_that_its_pods_may_fill(production: Rendered):
    for name in ("edge", "control"):
        workload = production.workload(name)
        (volume,) = workload["spec"]["template"]["spec"]["volumes"]

        asked = container_of(workload)["resources"]["requests"]["ephemeral-storage"]

        assert quantity(asked) >= quantity(volume["emptyDir"]["sizeLimit"])

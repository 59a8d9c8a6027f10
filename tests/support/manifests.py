"""Kubernetes manifests as the tests read them."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
OLDEST, NEWEST = "1.30", "1.37"
FILLED_IN = {"<openssl rand -hex 16>": "0f" * 16, "<openssl rand -hex 24>": "0f" * 24, "<password>": "secret"}
Manifest = dict[str, Any]


class Rendered:
    """The objects of one overlay."""

    def __init__(self, objects: list[Manifest]) -> None:
        self.objects = objects

    def all(self, *kinds: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        return found

    def workloads(self) -> list[Manifest]:
        return self.all("Deployment", "StatefulSet")

    def workload(self, name: str) -> Manifest:
        (found,) = [one for one in self.workloads() if one["metadata"]["name"] == name]
        return found


def pod_of(workload: Manifest) -> Manifest:
    return workload["spec"]["template"]["spec"]


def container_of(workload: Manifest) -> Manifest:
    (only,) = pod_of(workload)["containers"]
    return only


def ports_of(workload: Manifest) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container_of(workload)["ports"]}


def example_secret(process: str) -> dict[str, str]:
    """k8s/secrets/<process>.env, as `kubectl create secret --from-env-file` reads it."""
    lines = (K8S / "secrets" / f"{process}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def example_variables(process: str) -> set[str]:
    """The variables of that file, also those that are commented out."""
    return set(re.findall(r"^(?:# )?(TAPTRAIL_[A-Z_]+)=", (K8S / "secrets" / f"{process}.env").read_text(), re.M))


def filled_in(secret: dict[str, str]) -> dict[str, str]:
    return {name: re.sub("<.*?>", lambda place: FILLED_IN[place[0]], value) for name, value in secret.items()}


def environment_of(rendered: Rendered, workload: Manifest, secret: dict[str, str]) -> dict[str, str]:
    """What the container's process sees, with the Secret of its name as given."""
    container, process = container_of(workload), workload["metadata"]["name"]
    (source,) = container["envFrom"]
    environment = dict(rendered.one("ConfigMap", source["configMapRef"]["name"])["data"])
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["name"] == f"taptrail-{process}"
        if reference["key"] in secret or not reference.get("optional"):
            environment[variable["name"]] = secret[reference["key"]]
    return environment


def validate(manifest: Manifest, version: str) -> None:
    """Raises where a field is unknown or of another type, and where nobody knows the kind."""
    # Imported here: these models take seconds to load, which `make quick` has not got.
    import kubernetes_validate
    from cloudcoil.models.keda.v1alpha1 import ScaledObject
    from cloudcoil.models.prometheus_operator.v1 import PodMonitor, PrometheusRule

    custom = {
        ("keda.sh/v1alpha1", "ScaledObject"): ScaledObject,
        ("monitoring.coreos.com/v1", "PodMonitor"): PodMonitor,
        ("monitoring.coreos.com/v1", "PrometheusRule"): PrometheusRule,
    }
    model = custom.get((manifest["apiVersion"], manifest["kind"]))
    if model is not None:
        model.model_validate(manifest, extra="forbid")
        return
    kubernetes_validate.validate(manifest, version, strict=True)

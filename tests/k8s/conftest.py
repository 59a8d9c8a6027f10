"""The manifests as `kubectl kustomize` renders them: the overlay `production` alone, and with every component."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
COMPONENTS = ("durable-spool", "grafana", "keda", "monitoring")
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


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Manifest], Rendered]:
    """render(kustomization) gives its objects; its paths are those of an overlay beside k8s/production."""
    if shutil.which("kubectl") is None:
        pytest.skip("NOT TESTED: the Kubernetes manifests, for want of kubectl (1.30 or newer) in PATH")

    def rendered(kustomization: Manifest) -> Rendered:
        folder = tmp_path_factory.mktemp("overlay")
        for name in ("resources", "components"):
            paths = kustomization.get(name, [])
            kustomization = {**kustomization, name: [os.path.relpath(K8S / "own" / path, folder) for path in paths]}
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "deprecated" not in done.stderr, done.stderr
        return Rendered([one for one in yaml.safe_load_all(done.stdout) if one])

    return rendered


@pytest.fixture(scope="session")
def production(render: Callable[[Manifest], Rendered]) -> Rendered:
    return render({"resources": ["../production"]})


@pytest.fixture(scope="session")
def with_components(render: Callable[[Manifest], Rendered]) -> Rendered:
    components = [f"../components/{name}" for name in COMPONENTS]
    return render({"namespace": "taptrail", "resources": ["../production"], "components": components})


@pytest.fixture(scope="session", params=["production", "with_components"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return request.getfixturevalue(request.param)

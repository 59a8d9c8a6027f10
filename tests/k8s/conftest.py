"""The manifests as `kubectl kustomize` renders them: the overlay `production` alone, and with every component."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.support.manifests import K8S, Manifest, Rendered

COMPONENTS = ("durable-spool", "grafana", "keda", "monitoring")


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

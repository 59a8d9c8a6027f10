"""docs/kubernetes.md shows what works."""

import re
import subprocess
from collections.abc import Callable

import yaml

from tests.k8s.conftest import K8S, ROOT, Manifest, Rendered, container_of
from tests.k8s.test_schema import NEWEST, validate

TEXT = (ROOT / "docs" / "kubernetes.md").read_text()


def test_the_overlay_in_the_documentation_renders_to_valid_manifests(render: Callable[[Manifest], Rendered]):
    (overlay,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)

    rendered = render(yaml.safe_load(overlay))

    for manifest in rendered.objects:
        validate(manifest, NEWEST)
    assert container_of(rendered.workload("edge"))["image"] == "registry.acme.example/taptrail:0.1.0"
    assert [rule["host"] for rule in rendered.one("Ingress", "short-domains")["spec"]["rules"]] == ["go.shop.example"]


def test_the_secrets_are_made_as_documented(production: Rendered):
    assert "create secret generic taptrail-$process --from-env-file=" in TEXT
    for process in ("edge", "aggregator", "control"):
        file = K8S / "secrets" / f"{process}.env"
        command = ["kubectl", "create", "secret", "generic", f"taptrail-{process}", f"--from-env-file={file}"]

        done = subprocess.run([*command, "--dry-run=client", "-o", "yaml"], capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        read = {variable["name"] for variable in container_of(production.workload(process))["env"]}
        assert yaml.safe_load(done.stdout)["data"].keys() == read

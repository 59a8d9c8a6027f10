"""docs/kubernetes.md shows what works."""

import re
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.support.manifests import K8S, NEWEST, ROOT, Manifest, Rendered, container_of, example_secret, validate

pytestmark = pytest.mark.servers

TEXT = (ROOT / "docs" / "kubernetes.md").read_text()


BLOCKS = {path: yaml.safe_load(block) for path, block in re.findall(r"```yaml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)}


@pytest.fixture(scope="module")
def documented(render: Callable[[Manifest], Rendered]) -> Rendered:
    """The overlay of the page."""
    return render(BLOCKS["k8s/own/kustomization.yaml"])


def test_the_overlay_in_the_documentation_renders_to_valid_manifests(documented: Rendered):
    rendered = documented

    for manifest in rendered.objects:
        validate(manifest, NEWEST)
    assert container_of(rendered.workload("edge"))["image"] == "registry.acme.example/taptrail:0.1.0"
    assert [rule["host"] for rule in rendered.one("Ingress", "short-domains")["spec"]["rules"]] == ["go.shop.example"]


def test_the_prometheus_of_the_overlay_finds_what_it_selects_by_label(documented: Rendered):
    labels = [one["metadata"]["labels"] for one in documented.all("PodMonitor", "PrometheusRule")]

    assert labels == [{"release": "kube-prometheus-stack"}] * 2


def test_the_overlays_ingress_namespace_replaces_the_default_in_every_policy(
    production: Rendered, documented: Rendered
):
    def admitted(rendered: Rendered) -> dict[str, str]:
        return {
            policy["metadata"]["name"]: name
            for policy in rendered.all("NetworkPolicy")
            for rule in policy["spec"].get("ingress", [])
            for peer in rule["from"]
            if (name := peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name"))
        }

    by_the_ingress = {policy for policy, namespace in admitted(production).items() if namespace == "ingress"}

    assert by_the_ingress == {"edge", "acme-solver"}
    assert {admitted(documented)[policy] for policy in by_the_ingress} == {"my-ingress"}


def test_the_issuer_of_the_documentation_is_the_one_that_the_ingress_names(documented: Rendered):
    issuer, ingress = BLOCKS["issuer.yaml"], documented.one("Ingress", "short-domains")
    (solver,) = issuer["spec"]["acme"]["solvers"]

    assert (issuer["apiVersion"], issuer["kind"]) == ("cert-manager.io/v1", "ClusterIssuer")
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == issuer["metadata"]["name"]
    assert solver["http01"]["ingress"]["ingressClassName"] == ingress["spec"]["ingressClassName"]
    assert "kubectl apply -f issuer.yaml" in TEXT


def test_the_secrets_are_made_as_documented(production: Rendered):
    assert "create secret generic taptrail-$process --from-env-file=" in TEXT
    for process in ("edge", "aggregator", "control"):
        file = K8S / "secrets" / f"{process}.env"
        command = ["kubectl", "create", "secret", "generic", f"taptrail-{process}", f"--from-env-file={file}"]

        done = subprocess.run([*command, "--dry-run=client", "-o", "yaml"], capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert yaml.safe_load(done.stdout)["data"].keys() == example_secret(process).keys()

"""What a pod may do, and who may talk to it."""

from tests.support.manifests import ROOT, Rendered, container_of, pod_of


def test_a_process_runs_as_nobody_on_a_file_system_it_cannot_change(rendered: Rendered):
    for workload in rendered.workloads():
        pod, container = pod_of(workload)["securityContext"], container_of(workload)["securityContext"]

        assert (pod["runAsNonRoot"], pod["runAsUser"]) == (True, 10001)
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_pod_is_what_the_image_expects(rendered: Rendered):
    dockerfile = (ROOT / "Dockerfile").read_text()
    for workload in rendered.workloads():
        pod, container = pod_of(workload)["securityContext"], container_of(workload)
        writable = [mount["mountPath"] for mount in container.get("volumeMounts", [])]

        assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in dockerfile
        assert "command" not in container
        assert all(f"TMPDIR={path}" in dockerfile for path in writable)


def test_a_process_knows_neither_the_api_server_nor_the_services_around_it(rendered: Rendered):
    for workload in rendered.workloads():
        account = rendered.one("ServiceAccount", pod_of(workload)["serviceAccountName"])

        assert account["automountServiceAccountToken"] is False
        assert pod_of(workload)["automountServiceAccountToken"] is False
        assert pod_of(workload)["enableServiceLinks"] is False


def test_the_namespace_holds_every_pod_to_the_restricted_standard(rendered: Rendered):
    labels = rendered.one("Namespace", "taptrail")["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_what_is_not_allowed_is_denied_both_ways(rendered: Rendered):
    spec = rendered.one("NetworkPolicy", "default-deny")["spec"]

    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_nobody_reaches_a_port_from_everywhere(rendered: Rendered):
    for policy in rendered.all("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
            peers = rule.get("from", rule.get("to"))

            assert peers
            assert rule["ports"]
            assert all(_names_pods(peer) or _leads_outside(policy, peer) for peer in peers)


def _names_pods(peer) -> bool:
    return all(selector["matchLabels"] for selector in peer.values()) if "ipBlock" not in peer else False


def _leads_outside(policy, peer) -> bool:
    """Only control reaches the internet, for the pages that it verifies, and no private network by it."""
    block, private = peer["ipBlock"], {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}
    is_open = block["cidr"] == "2000::/3" or private <= set(block.get("except", []))
    return policy["metadata"]["name"] == "verification" and "egress" in policy["spec"] and is_open


def test_the_ops_port_is_opened_for_prometheus_alone(rendered: Rendered):
    opening = [
        (policy["metadata"]["name"], rule["from"])
        for policy in rendered.all("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        if any(port["port"] in ("ops", 9100) for port in rule["ports"])
    ]

    ((name, (peer,)),) = opening
    assert name == "ops"
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}

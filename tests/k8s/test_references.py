"""What one manifest says of another is so: selectors find pods, ports have names, autoscalers have targets."""

from collections.abc import Iterator

from tests.support.manifests import Manifest, Rendered, container_of, pod_of, ports_of


def labels_of(workload: Manifest) -> dict[str, str]:
    return workload["spec"]["template"]["metadata"]["labels"]


def selected(rendered: Rendered, selector: Manifest) -> list[Manifest]:
    wanted = selector.get("matchLabels", selector)
    return [one for one in rendered.workloads() if wanted.items() <= labels_of(one).items()]


def named_ports(rule: Manifest) -> Iterator[str]:
    return (port["port"] for port in rule.get("ports", []) if isinstance(port["port"], str))


def test_a_workload_selects_its_own_pods_alone(rendered: Rendered):
    for workload in rendered.workloads():
        assert selected(rendered, workload["spec"]["selector"]) == [workload]
        for spread in pod_of(workload).get("topologySpreadConstraints", []):
            assert selected(rendered, spread["labelSelector"]) == [workload]


def test_services_and_budgets_select_the_pods_they_are_named_after(rendered: Rendered):
    for one in rendered.all("Service", "PodDisruptionBudget"):
        assert selected(rendered, one["spec"]["selector"]) == [rendered.workload(one["metadata"]["name"])]


def test_a_service_sends_to_a_port_its_pods_have_and_never_to_the_ops_port(rendered: Rendered):
    for service in rendered.all("Service"):
        (workload,) = selected(rendered, service["spec"]["selector"])
        targets = {port["targetPort"] for port in service["spec"]["ports"]}

        assert targets == {"http"}
        assert targets <= ports_of(workload).keys()


def test_every_network_policy_selects_pods_that_have_the_ports_it_opens(rendered: Rendered):
    for policy in rendered.all("NetworkPolicy"):
        pods = selected(rendered, policy["spec"]["podSelector"])
        if policy["metadata"]["name"] == "acme-solver":  # pods of cert-manager
            assert pods == []
            continue

        opened = {name for rule in policy["spec"].get("ingress", []) for name in named_ports(rule)}

        assert pods
        assert all(opened <= ports_of(pod).keys() for pod in pods)


def test_the_ingress_sends_every_short_domain_to_the_edge_with_a_certificate_of_its_own(rendered: Rendered):
    spec = rendered.one("Ingress", "short-domains")["spec"]
    hosts = [rule["host"] for rule in spec["rules"]]
    certificates = {tls["hosts"][0]: tls["secretName"] for tls in spec["tls"]}
    paths = [path for rule in spec["rules"] for path in rule["http"]["paths"]]
    backends = [path["backend"]["service"] for path in paths]
    names = {port["name"] for port in rendered.one("Service", "edge")["spec"]["ports"]}

    assert sorted(certificates) == sorted(hosts)
    assert len(set(certificates.values())) == len(hosts)
    assert {(path["path"], path["pathType"]) for path in paths} == {("/", "Prefix")}
    assert all(backend["name"] == "edge" and backend["port"]["name"] in names for backend in backends)


def test_what_a_pod_mounts_or_runs_as_exists(rendered: Rendered):
    maps = {one["metadata"]["name"] for one in rendered.all("ConfigMap")}
    for workload in rendered.workloads():
        pod, container = pod_of(workload), container_of(workload)
        claims = [claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])]
        volumes = [volume["name"] for volume in pod.get("volumes", [])] + claims

        assert rendered.one("ServiceAccount", pod["serviceAccountName"])
        assert [source["configMapRef"]["name"] in maps for source in container["envFrom"]] == [True]
        assert [mount["name"] for mount in container.get("volumeMounts", [])] == volumes


def test_the_edges_autoscaler_finds_its_target_and_has_room_to_scale(rendered: Rendered):
    for scaler in rendered.all("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = rendered.one(target["kind"], target["name"])

        assert workload["apiVersion"] == target["apiVersion"]
        assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


def test_a_number_of_pods_has_one_owner(rendered: Rendered):
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in rendered.all("HorizontalPodAutoscaler", "ScaledObject")}

    fixed = {one["metadata"]["name"] for one in rendered.workloads() if "replicas" in one["spec"]}

    assert scaled.isdisjoint(fixed)
    assert scaled | fixed == {"edge", "aggregator", "control"}


def test_keda_scales_the_aggregators_between_bounds_and_not_below_a_pair(with_components: Rendered):
    spec = with_components.one("ScaledObject", "aggregator")["spec"]

    assert with_components.one("Deployment", spec["scaleTargetRef"]["name"])
    assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"]
    assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]


def test_every_process_is_scraped_by_the_name_of_its_port(with_components: Rendered):
    spec = with_components.one("PodMonitor", "taptrail")["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]

    pods = selected(with_components, spec["selector"])

    assert len(pods) == 3
    assert all(endpoint["port"] in ports_of(pod) and spec["jobLabel"] in labels_of(pod) for pod in pods)


def test_control_is_rolled_without_a_gap(rendered: Rendered):
    strategy = rendered.workload("control")["spec"]["strategy"]

    assert strategy["type"] == "RollingUpdate"
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0
    assert strategy["rollingUpdate"]["maxSurge"] >= 1

"""A pod is told to stop early enough, asked the right questions, and given the time that stopping takes."""

import inspect
import re

from prometheus_client import CollectorRegistry

import aggregator.__main__
import control.__main__
import edge.settings
from runtime.environment import settings_from
from runtime.serve import HttpServer, Readiness, ops_routes
from tests.support.manifests import Manifest, Rendered, container_of, environment_of, example_secret, filled_in, pod_of

OPEN_ANSWERS_S = inspect.signature(HttpServer).parameters["grace_s"].default
CONTROL_ANSWERS_S = max(int(text) for text in re.findall(r"grace_s=(\d+)", inspect.getsource(control.__main__)))
OPS_S = 1
GRACE_LIMIT_S = 600  # cluster-autoscaler --max-graceful-termination-sec


def before_sigterm_s(workload: Manifest) -> int:
    return container_of(workload).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)


def test_the_ops_port_answers_every_probe(rendered: Rendered):
    paths = {route.path for route in ops_routes(CollectorRegistry(), Readiness())}
    for workload in rendered.workloads():
        container = container_of(workload)
        probes = {kind: container[kind]["httpGet"] for kind in container if kind.endswith("Probe")}

        assert all(probe["path"] in paths and probe["port"] == "ops" for probe in probes.values())
        assert probes["livenessProbe"]["path"] == "/healthz"
        assert probes["readinessProbe"]["path"] == "/readyz"


def test_the_metrics_are_where_prometheus_asks_for_them(with_components: Rendered):
    paths = {route.path for route in ops_routes(CollectorRegistry(), Readiness())}
    (endpoint,) = with_components.one("PodMonitor", "taptrail")["spec"]["podMetricsEndpoints"]

    assert endpoint["path"] in paths


def test_what_receives_requests_goes_on_answering_until_the_endpoints_have_forgotten_it(rendered: Rendered):
    assert before_sigterm_s(rendered.workload("edge")) >= 10
    assert before_sigterm_s(rendered.workload("control")) >= 5


def test_an_edge_is_given_the_time_to_ship_its_spool(rendered: Rendered):
    workload = rendered.workload("edge")
    environment = environment_of(rendered, workload, filled_in(example_secret("edge")))
    drain_s = settings_from(environment, edge.settings.Settings).drain_s

    needed_s = before_sigterm_s(workload) + OPEN_ANSWERS_S + drain_s + OPS_S

    assert needed_s < pod_of(workload)["terminationGracePeriodSeconds"] <= GRACE_LIMIT_S


def test_an_aggregator_is_given_the_time_to_finish_its_batch(rendered: Rendered):
    needed_s = aggregator.__main__.STOP_S + OPS_S

    assert needed_s < pod_of(rendered.workload("aggregator"))["terminationGracePeriodSeconds"]


def test_control_is_given_the_time_to_finish_its_answers(rendered: Rendered):
    workload = rendered.workload("control")

    needed_s = before_sigterm_s(workload) + CONTROL_ANSWERS_S + OPS_S

    assert needed_s < pod_of(workload)["terminationGracePeriodSeconds"]


def test_a_rollout_never_leaves_fewer_edges_or_aggregators_than_are_wanted(production: Rendered):
    for name in ("edge", "aggregator"):
        assert production.workload(name)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0

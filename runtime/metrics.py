"""The registry of a process: its own collector, what runs it, and what the system knows of it."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics
from prometheus_client.registry import Collector


def registry_of(process: str, *collectors: Collector) -> CollectorRegistry:
    """process: edge, aggregator or control."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, that nobody asks for
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    # Two versions for longer than a rollout takes: it is stuck.
    Info("taptrail_build", "What runs here", registry=registry).info(
        {"process": process, "version": version("taptrail"), "python": platform.python_version()}
    )
    return registry

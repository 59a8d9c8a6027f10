"""Aggregators that are weaker on purpose, in the model: those of tests/chaos/broken_pipelines.py without pauses."""

from aggregator.stores import AggregatorStores
from tests.chaos.broken_pipelines import AcknowledgesWhatItReads, FindsNothing, KeepsTheLast

KEPT = 2  # entries


def as_it_is(stores: AggregatorStores) -> AggregatorStores:
    return stores


def acknowledges_first(stores: AggregatorStores) -> AggregatorStores:
    return stores._replace(stream=AcknowledgesWhatItReads(stores.stream))


def inserts_again(stores: AggregatorStores) -> AggregatorStores:
    return stores._replace(tables=FindsNothing(stores.tables))


def trims_by_length(stores: AggregatorStores) -> AggregatorStores:
    return stores._replace(stream=KeepsTheLast(stores.stream, stores.stream.trim_to, KEPT))

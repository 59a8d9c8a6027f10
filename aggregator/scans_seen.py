"""Scans that go on, so that a new row of one is a scanner's from the first."""

from collections.abc import Mapping

from visitors.scanners import Span

Network = tuple[str, str, str]  # account, broadcast_id, ip_prefix
MAX_NETWORKS = 10_000


class ScansSeen:
    """Written by the task that looks, read by the thread that makes rows."""

    def __init__(self) -> None:
        self._until_ms: dict[Network, dict[str, int]] = {}  # by agent

    def __bool__(self) -> bool:
        return bool(self._until_ms)

    def note(self, network: Network, scans: Mapping[str, list[Span]], now_s: float) -> None:
        """What was found of a network takes the place of what was known of it."""
        until_ms = {agent: spans[-1][1] for agent, spans in scans.items() if spans[-1][1] > now_s * 1000}
        self._until_ms.pop(network, None)
        if not until_ms:
            return
        if len(self._until_ms) >= MAX_NETWORKS:
            del self._until_ms[next(iter(self._until_ms))]
        self._until_ms[network] = until_ms

    def holds(self, network: Network, agent: str, at_ms: int) -> bool:
        """Whether a visit at that time belongs to a scan."""
        agents = self._until_ms.get(network)
        return agents is not None and at_ms <= agents.get(agent, 0)

"""How many wrong keys one address may try at the sign-in form. Pure: the caller passes the time."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

MOST_WRONG = 20  # of one address
IN_S = 60.0
MOST_ADDRESSES = 10_000  # of which the wrong keys are counted: some 2 MB


class Guesses:
    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()  # by address: when each of the last was

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address has to wait before its next key is looked at; 0 for not at all."""
        times = self._wrong.get(_counted(address), [])
        if len(times) < MOST_WRONG:
            return 0.0
        return max(times[-MOST_WRONG] + IN_S - now_s, 0.0)

    def was_wrong(self, address: str, now_s: float) -> None:
        name = _counted(address)
        times = self._wrong.pop(name, [])
        self._wrong[name] = [*times, now_s][-MOST_WRONG:]
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)


def _counted(address: str) -> str:
    """The address, or its network where one line has a whole one (IPv6: RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:  # not by TCP
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address

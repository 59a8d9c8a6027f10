"""The ports of one run: those asked for, if they are free, and free ones where 0 was asked for."""

import socket
import time
from collections.abc import Sequence

HOST = "127.0.0.1"
_WAIT_S = 3.0  # a system that was just killed needs a moment to let go of its ports


class PortTaken(Exception):
    """One line: the port, and the option that chooses another."""


def ports_for(wanted: Sequence[tuple[str, int]]) -> list[int]:
    """One port for each (option, port); raises PortTaken."""
    held = [_bound(option, port) for option, port in wanted]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def _bound(option: str, port: int) -> socket.socket:
    give_up_at = time.monotonic() + _WAIT_S
    while True:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
            one.listen(1)  # a port that is only bound can be bound a second time
            return one
        except (OSError, OverflowError) as error:
            one.close()
            if time.monotonic() > give_up_at:
                raise PortTaken(
                    f"port {port} cannot be had on {HOST} ({error}); choose another with {option}, 0 for any"
                ) from error
        time.sleep(0.1)

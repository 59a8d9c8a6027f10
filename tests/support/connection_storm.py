"""Phones by the thousand, each on a connection of its own, as fast as this process can open them.

    python -m tests.support.connection_storm PORT SECONDS AT_ONCE < REQUEST

Prints what they saw as JSON: {"302": n, "503": n, ...}; a 503 without Retry-After is another thing.
"""

import json
import select
import socket
import sys
import time
from collections import Counter

PATIENCE_S = 30.0


class Wave:
    def __init__(self, port: int, request: bytes) -> None:
        self._address, self._request = ("127.0.0.1", port), request
        self._open: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self.seen: Counter[str] = Counter()

    def run(self, seconds: float, at_once: int) -> None:
        ends_at = time.monotonic() + seconds
        while (now := time.monotonic()) < ends_at or (self._open and now < ends_at + PATIENCE_S):
            for _ in range(min(at_once - len(self._open), 100) if now < ends_at else 0):
                self._tap()
            for descriptor, event in self._poll.poll(0.001, 500):
                self._go_on(descriptor, event)
        self.seen["no answer"] += len(self._open)

    def _tap(self) -> None:
        phone = socket.socket()
        phone.setblocking(False)
        phone.connect_ex(self._address)
        self._open[phone.fileno()] = phone
        self._poll.register(phone, select.EPOLLOUT)

    def _go_on(self, descriptor: int, event: int) -> None:
        phone = self._open[descriptor]
        try:
            if event & select.EPOLLOUT:
                phone.sendall(self._request)
                self._poll.modify(phone, select.EPOLLIN)
                return
            said = _said(phone.recv(65536))
        except OSError as error:
            said = type(error).__name__
        self.seen[said] += 1
        self._poll.unregister(phone)
        del self._open[descriptor]
        phone.close()


def _said(answer: bytes) -> str:
    status = answer[9:12].decode() or "nothing"
    return "503 for ever" if status == "503" and b"\r\nretry-after: " not in answer else status


if __name__ == "__main__":
    wave = Wave(int(sys.argv[1]), sys.stdin.buffer.read())
    wave.run(float(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(+wave.seen))

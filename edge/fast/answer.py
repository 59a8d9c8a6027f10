"""Answers as bytes ready for the socket. What does not depend on the visit is built once."""

from functools import lru_cache
from http import HTTPStatus

from edge.pages.look import Look
from edge.responses import PLAIN, answer, refusal, seen_by
from routing.decide import Decision
from routing.found import Found
from routing.reasons import Reason
from routing.visit import Visit
from runtime.guard.raw import raw_response


def raw_answer(decision: Decision, visit: Visit, found: Found, *, keep_alive: bool) -> bytes:
    """The whole HTTP/1.1 response."""
    if decision.location:
        start, end = _redirect_parts(decision.status, keep_alive)
        return b"".join((start, decision.location.encode("ascii"), end))
    if decision.reason is None:
        return raw_response(*answer(decision, visit, found), head=visit.method == "HEAD", keep_alive=keep_alive)
    return _raw_page(decision.reason, seen_by(visit, found.domain), visit.method == "HEAD", keep_alive)


@lru_cache(32)
def _redirect_parts(status: int, keep_alive: bool) -> tuple[bytes, bytes]:
    start = _status_line(status) + "location: "
    end = "\r\n" + _header_lines([*PLAIN, ("content-length", "0")], keep_alive)
    return start.encode(), end.encode()


@lru_cache(1024)
def _raw_page(reason: Reason, look: Look, head: bool, keep_alive: bool) -> bytes:
    return raw_response(*refusal(reason, look), head=head, keep_alive=keep_alive)


def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"


def _header_lines(headers: list[tuple[str, str]], keep_alive: bool) -> str:
    if not keep_alive:
        headers = [*headers, ("connection", "close")]
    return "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"

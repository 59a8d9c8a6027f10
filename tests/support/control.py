"""A control process as it runs in production, and a way to call it."""

import http.client
import json
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.eventually import wait_until
from tests.support.processes import Process, free_port

CODE_KEY = "000102030405060708090a0b0c0d0e0f"
MAIN, ACME, SEATTLE = "main-key-0123456789", "acme-key-0123456789", "seattle-key-0123456789"
OPERATOR = "operator-key-0123456789"
KEYS = f"main:{MAIN},acme:{ACME},acme/seattle:{SEATTLE}"
DOMAIN = "go.acme.example"
SHOP = "https://shop.acme.example/?c={contact_id}"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: http.client.HTTPMessage


class Control(Process):
    """One control process."""

    def __init__(self, redis_url: str, clickhouse_url: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environ = {
            "TAPTRAIL_REDIS_URL": redis_url,
            "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "TAPTRAIL_CODE_KEY": CODE_KEY,
            "TAPTRAIL_API_KEYS": KEYS,
            "TAPTRAIL_OPERATOR_KEYS": f"{OPERATOR},{MAIN}",
            "TAPTRAIL_PORT": str(self.port),
            **settings,
        }
        super().__init__(["-m", "control"], free_port(), folder / f"control-{self.port}.log", environ)
        wait_until(self.ready)

    def call(self, method: str, path: str, body: Any = None, key: str = MAIN, **headers: str) -> Answer:
        """body: bytes as they are, anything else as JSON. The answer's body: JSON, or a list of JSON lines."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            connection.request(method, path, data, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return Answer(response.status, _decoded(response.headers.get_content_type(), text), response.headers)

    def broadcast(self, broadcast_id: str = "spring", destinations: tuple[str, ...] = (SHOP,), **fields: Any) -> Any:
        """A broadcast on DOMAIN, which is registered first."""
        assert self.call("PUT", f"/v1/domains/{DOMAIN}", {}).status in (200, 201)
        body = {"short_domain": DOMAIN, "destinations": list(destinations), **fields}
        answer = self.call("PUT", f"/v1/broadcasts/{broadcast_id}", body)
        assert answer.status in (200, 201), answer.body
        return answer.body

    def mint(self, lines: list[Any], broadcast_id: str = "spring", query: str = "", **headers: str) -> Answer:
        body = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        return self.call("POST", f"/v1/broadcasts/{broadcast_id}/links{query}", body, **headers)


def _decoded(kind: str, text: bytes) -> Any:
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in text.splitlines()]
    if kind.startswith("image/"):
        return text
    return json.loads(text) if kind.endswith("json") and text else text.decode()


def contacts(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"contact_id": f"c-{number}", **fields} for number in range(count)]


def readiness(control: Control) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{control.ops_port}/readyz") as answer:
        body = json.loads(answer.read())
    return body if body["degraded"] else {**body, "degraded": [""]}

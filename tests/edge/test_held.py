"""What all connections of an edge hold together is a setting."""

import socket

from tests.support.edge import HOST

HALF = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nx: ".encode() + b"y" * 50_000


def test_the_half_sent_heads_of_many_connections_are_bounded_by_the_setting(edges, redis, clickhouse):
    edge = edges(TAPTRAIL_HELD_MIB="1")

    clients = [socket.create_connection(("127.0.0.1", edge.port), timeout=10) for _ in range(40)]
    for client in clients:
        client.sendall(HALF)

    assert [client.recv(1) for client in clients[:15]] == [b""] * 15
    clients[-1].settimeout(0.5)
    assert is_open(clients[-1])
    for client in clients:
        client.close()


def is_open(client):
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True

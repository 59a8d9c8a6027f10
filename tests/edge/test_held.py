"""What all connections of an edge hold together is a setting."""

import socket

import psutil

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


def test_heads_of_one_long_field_that_never_end_take_no_more_memory_than_they_may(edges, redis, clickhouse):
    edge = edges()
    process = psutil.Process(edge.process.pid)
    before = process.memory_info().rss
    clients = []

    for _ in range(1_500):
        clients.append(socket.create_connection(("127.0.0.1", edge.port), timeout=10))
        clients[-1].sendall(HALF + b"y" * 10_000)
    assert edge.get("/robots.txt").status == 200

    assert process.memory_info().rss - before < 90_000_000
    for client in clients:
        client.close()


def is_open(client):
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True

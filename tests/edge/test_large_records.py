"""Records that account holders make as large as they may do not fill the memory of an edge."""

import msgspec
import psutil

from records.broadcast import encode_broadcast
from records.domain import Domain, encode_domain
from records.keys import broadcast_key, domain_key
from records.link import Link, encode_link
from records.link_block import MAX_RECORD
from tests.support.edge import BROADCAST, HOST, cipher, destination
from tests.support.links import put_link

PATH = "/.well-known/file0.json"


async def test_sixty_domains_with_all_the_app_links_they_may_have(redis, edge):
    process = psutil.Process(edge.process.pid)
    files = {f"file{number}.json": "x" * 118_000 for number in range(8)}
    names = [f"d{number}.example" for number in range(60)]
    for name in names:
        await redis.set(domain_key(name), encode_domain(Domain(name, "main", app_links=files)))
    assert edge.tap(5) == destination(5)
    before = process.memory_info().rss

    assert all(edge.get(PATH, host=name).text == files["file0.json"] for name in names)

    assert process.memory_info().rss - before < 45_000_000
    assert edge.get(PATH, host=names[0]).status == 200
    assert edge.tap(5) == destination(5)


async def test_links_whose_fields_are_large_lead_where_they_should(redis, edge):
    template = "https://acme.example/" + "".join(f"{{f{number}}}" for number in range(16))
    fields = {f"f{number}": "x" * 256 for number in range(16)}
    broadcast = msgspec.structs.replace(BROADCAST, broadcast_no=2, destinations=(template,))
    await redis.set(broadcast_key(2), encode_broadcast(broadcast))
    link = Link(2, 0, 1, "c-7", "", fields)
    await put_link(redis, 7, link)

    answers = [edge.get("/" + cipher.seal(7), host=HOST) for _ in range(2)]

    assert len(encode_link(link)) > MAX_RECORD
    assert [answer.headers["Location"] for answer in answers] == ["https://acme.example/" + "x" * 4096] * 2

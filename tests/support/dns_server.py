"""A small DNS server on 127.0.0.1, over UDP: it answers from dictionaries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer(asyncio.DatagramProtocol):
    """texts: name -> TXT records. hosts: name -> addresses, or the name that a CNAME leads to.

    rcode: what it answers instead, silent: it answers nothing.
    """

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.hosts: dict[str, list[str] | str] = {}
        self.asked: list[str] = []
        self.rcode: dns.rcode.Rcode | None = None
        self.silent = False
        self.address = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DnsServer"]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.address = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
        try:
            yield self
        finally:
            transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        name = question.question[0].name
        self.asked.append(name.to_text(omit_final_dot=True))
        if not self.silent:
            self._transport.sendto(self._answer(question).to_wire(), addr)

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        [asked] = question.question
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
        elif asked.rdtype == dns.rdatatype.TXT:
            self._put(answer, asked.name, "TXT", self.texts.get(asked.name.to_text(omit_final_dot=True)))
        else:
            self._put_addresses(answer, asked.name, dns.rdatatype.to_text(asked.rdtype))
        return answer

    def _put_addresses(self, answer: dns.message.Message, name: dns.name.Name, kind: str) -> None:
        there = self.hosts.get(name.to_text(omit_final_dot=True))
        while isinstance(there, str):
            answer.answer.append(dns.rrset.from_text(name, 1, "IN", "CNAME", f"{there}."))
            name, there = dns.name.from_text(there), self.hosts.get(there)
        addresses = None if there is None else [one for one in there if (":" in one) == (kind == "AAAA")]
        self._put(answer, name, kind, addresses)

    def _put(self, answer: dns.message.Message, name: dns.name.Name, kind: str, values: list[str] | None) -> None:
        """None: the name is not there."""
        if values is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif values:
            answer.answer.append(dns.rrset.from_text(name, 1, "IN", kind, *values))

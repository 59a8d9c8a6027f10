"""Whether a URL may be a destination. Pure: what needs a look-up is left to the caller."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from contacts.fields import NAME, STANDS_APART
from control.catalogue.app_schemes import is_web, scheme_of
from records.hosts import ascii_host, host_in
from records.page import origin_of
from records.public_address import is_public
from routing.destination import PLACEHOLDERS

MAX_BYTES = 2048
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NEVER_DOTS = ("code", "broadcast_id", "click_id")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "home.arpa")


def destination_fault(
    url: str, *, allow_http: bool, allow_private: bool, app_schemes: Sequence[str] = (), template: bool = True
) -> str | None:
    """What is wrong with a destination, or None.

    app_schemes: beside https, as AppSchemes has them. template: whether it may hold placeholders.
    """
    is_app = scheme_of(url) in app_schemes
    if fault := _text_fault(url) or _placeholder_fault(url, template, is_app):
        return fault
    if is_app:
        return _nothing_fault(url)
    return _address_fault(_PLACEHOLDER.sub("x", url), allow_http, allow_private, app_schemes)


def image_fault(url: str, *, allow_private: bool) -> str | None:
    """What is wrong with the URL of an image on a page that Taptrail shows, or None."""
    fault = destination_fault(url, allow_http=False, allow_private=allow_private, template=False)
    if fault or origin_of(url):
        return fault
    return "its host cannot be named in the page's content security policy; expected a name like cdn.acme.example"


def destination_host(url: str) -> str:
    """The host that a URL without a fault leads to, as records/hosts.py gives it; "" where an app opens it."""
    return host_in(_PLACEHOLDER.sub("x", url)) if is_web(url) else ""


def _text_fault(url: str) -> str | None:
    if not url:
        return "it is empty; expected an absolute https URL"
    size = len(url.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        return f"it has {size} bytes; at most {MAX_BYTES} are allowed"
    for character in url:
        if character <= " " or "\x7f" <= character <= "\xa0" or character == "\\":
            what = "a space" if character == " " else "a control character" if character != "\\" else "a backslash"
            return f"it holds {what} (U+{ord(character):04X}); percent-encode it or take it out"
    if malformed := _NO_ESCAPE.search(url):
        return f"it holds {url[malformed.start() :][:3]!r}, which is no percent-encoding; write %25 for a percent sign"
    return None


def _nothing_fault(url: str) -> str | None:
    scheme, _, rest = url.partition(":")
    return None if rest.strip("/") else f"it has nothing after {scheme}:"


def _placeholder_fault(url: str, template: bool, is_app: bool) -> str | None:
    for name in _PLACEHOLDER.findall(url):
        if not template:
            return f"it holds the placeholder {{{name}}}; placeholders are for destinations of links only"
        if name not in PLACEHOLDERS and (name in STANDS_APART or not NAME.fullmatch(name)):
            known = " ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            fields = "fields of a contact, a letter and up to 31 more of a-z, 0-9, _"
            return f"it holds the unknown placeholder {{{name[:40]}}}; known are {known} and {fields}"
    if any(brace in _PLACEHOLDER.sub("", url) for brace in "{}"):
        return "it holds a single brace; write %7B or %7D, or a whole placeholder"
    before_path = re.match(r"[^:/?#]*:?(//[^/?#]*)?", url)
    if before_path and "{" in before_path[0] and not is_app:
        return "it holds a placeholder in its scheme or host; they may stand in path, query and fragment"
    return _step_fault(url)


def _step_fault(url: str) -> str | None:
    """Fields may be empty or "-", or "." beside another: none may complete a step of a path (. or .., RFC 3986 3.3)."""
    for segment in re.split("[?#]", url)[0].split("/"):
        named = _PLACEHOLDER.findall(segment)
        rest = re.sub("%2[eE]", ".", _PLACEHOLDER.sub("", segment))
        if named and set(named).isdisjoint(_NEVER_DOTS) and not rest.strip(".") and len(named) + len(rest) > 1:
            return f"its part {segment[:60]} may become a step in the path (. or ..); put a letter or - between"
    return None


def _address_fault(url: str, allow_http: bool, allow_private: bool, app_schemes: Sequence[str]) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"it is not a URL: {error}"
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes or not url[len(parts.scheme) :].startswith("://"):
        expected = [*(f"{name}://" for name in schemes), *(f"{name}:" for name in app_schemes)]
        return f"its scheme is {parts.scheme or 'missing'}; expected {' or '.join(expected)}"
    if "@" in parts.netloc:
        return "it holds a user name or password before the host; leave out what stands before the @"
    if not host:
        return "it has no host; expected an absolute URL like https://shop.example/sale"
    if port == 0:
        return "its port is 0; expected 1 to 65535"
    return _host_fault(parts, host, allow_private)


def _host_fault(parts: SplitResult, host: str, allow_private: bool) -> str | None:
    address = _address(host)
    name = ascii_host(host) if address is None else host
    if name is None or "%" in host:
        return f"its host {host[:60]} is not a host name"
    if address is None and (parts.netloc.startswith("[") or _looks_like_a_number(name)):
        # Browsers read 0x7f.1, 127.1 and 2130706433 as addresses (WHATWG URL, "ends in a number").
        return f"its host {host[:60]} is a number that is not a whole IP address"
    if allow_private:
        return None
    if address is not None and not is_public(address):
        return f"its host {host} is not a public address, recipients cannot reach it"
    if address is None and ("." not in name or name.endswith(tuple(f".{suffix}" for suffix in _PRIVATE_SUFFIXES))):
        return f"its host {host[:60]} is a local name, recipients cannot reach it"
    return None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _looks_like_a_number(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None

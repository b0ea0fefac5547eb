"""Where an outgoing request may go: to public addresses, and to what the operator named (CWE-918).

A name is resolved once, and the connection is made to the address that was looked at, so a name that means
another address a moment later gains nothing. Nothing here depends on what a version of Python calls private.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_VISIBLE = re.compile(r"[!-~]*", re.ASCII)

# The special-purpose registries of IANA (RFC 6890 and after), and multicast.
_CLOSED_4 = [
    ipaddress.ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
# Of IPv6 only global unicast is open, without what in it leads to an IPv4 address or is for documents.
_OPEN_6 = ipaddress.ip_network("2000::/3")
_CLOSED_6 = [ipaddress.ip_network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


class AddressRefusedError(Exception):
    """Nothing may be sent there. The message names neither host nor address."""


class UnresolvedError(Exception):
    """The name cannot be resolved now."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL says: `path` with its query, as it goes out."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator opened: hosts by name, addresses by network. Plain http is only for these."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """From a list with commas of networks (CIDR), addresses and host names. Raises ValueError."""
        hosts, networks = set(), []
        for each in (part.strip().lower() for part in text.split(",")):
            if not each:
                continue
            try:
                networks.append(ipaddress.ip_network(each))
            except ValueError:
                if "/" in each or not _HOST.fullmatch(each):
                    raise ValueError("must be networks and host names, with commas between them") from None
                hosts.add(each)
        return cls(frozenset(hosts), tuple(networks))

    def opens(self, host: str, address: Address) -> bool:
        return host in self.hosts or any(
            network.version == address.version and address in network for network in self.networks
        )


class Guard:
    """`resolve` gives the addresses of a host, and is replaced by tests alone."""

    def __init__(self, allowed: Allowed, resolve: Resolve | None = None, patience: float = 5.0) -> None:
        self._allowed, self._resolve, self._patience = allowed, resolve or _look_up, patience

    def check(self, url: str) -> Target:
        """What can be said of a URL without asking anybody. Raises AddressRefusedError."""
        target = read_url(url)
        numeric = _numeric(target.host)
        if numeric is not None:
            self._require(target, [numeric])
        elif target.scheme == "http" and not (self._allowed.networks or target.host in self._allowed.hosts):
            raise AddressRefusedError("https is needed")
        elif _is_local(target.host) and target.host not in self._allowed.hosts and not self._allowed.networks:
            raise AddressRefusedError("the address is not a public one")
        return target

    def addresses(self, target: Target) -> list[str]:
        """The addresses to connect to. Raises AddressRefusedError unless every one of them is open, and
        UnresolvedError."""
        found = _within(self._patience, lambda: self._resolve(target.host, target.port))
        if not found:
            raise UnresolvedError
        self._require(target, [_read(each) for each in found])
        return list(found)

    def _require(self, target: Target, addresses: Sequence[Address]) -> None:
        for address in addresses:
            if self._allowed.opens(target.host, address):
                continue
            if not is_public(address):
                raise AddressRefusedError("the address is not a public one")
            if target.scheme != "https":
                raise AddressRefusedError("https is needed")


def look_up(host: str, port: int, seconds: float) -> Sequence[str]:
    """The addresses of a host that the operator named. Raises UnresolvedError, and in time."""
    found = _within(seconds, lambda: _look_up(host, port))
    if not found:
        raise UnresolvedError
    return found


def read_url(url: str) -> Target:
    """Raises AddressRefusedError for what is not a plain http(s) URL."""
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise AddressRefusedError("the URL cannot be read")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefusedError("the URL cannot be read") from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS:
        raise AddressRefusedError("only http and https are spoken")
    if "@" in parts.netloc or parts.fragment:
        raise AddressRefusedError("the URL has a user or a fragment")
    if port == 0 or not (_HOST.fullmatch(host) or _is_ipv6(host)):
        raise AddressRefusedError("the URL names no host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def is_public(address: Address) -> bool:
    """Whether it is an address on the open internet, and none that stands for another."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    return address in _OPEN_6 and not any(address in network for network in _CLOSED_6)


def _read(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise AddressRefusedError("the address is not a public one") from None


def _numeric(host: str) -> Address | None:
    """The address that the system would take `host` for without asking anybody: 127.1 and 0x7f000001 too."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return None
    return _read(str(found[0][4][0]))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    return "." not in host or host.endswith((".localhost", ".local", ".internal"))


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _within(seconds: float, call: Callable[[], Sequence[str]]) -> Sequence[str]:
    """The system's resolver has no time limit of its own. Raises UnresolvedError."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(call())
        except (OSError, UnicodeError):
            answer.append(())

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer:
        raise UnresolvedError
    found: Sequence[str] = answer[0]
    return found

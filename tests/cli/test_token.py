"""`samtycke token` prints a token the service accepts, or one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from joserfc import jwt
from joserfc.jwk import KeySet

from service.cli.token import token
from service.tokens import public_keys

SUBJECT = "sub_n4xsw7r2j5hwzguxe2n2yhs3o4"


def run(home: Path, *arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(token, list(arguments), env={"SAMTYCKE_HOME": str(home), **environ})


def test_it_prints_only_a_token_of_the_role(tmp_path: Path) -> None:
    result = run(tmp_path, "--role", "customer", "--subject", SUBJECT)
    assert result.exit_code == 0, result.output
    assert result.output.count("\n") == 1
    keys = KeySet.import_key_set(json.loads(public_keys(tmp_path / "keys" / "issuer.json")))
    decoded = jwt.decode(result.output.strip(), keys, algorithms=["Ed25519"])
    assert decoded.claims["roles"] == ["customer"]
    assert decoded.claims["subject"] == SUBJECT
    assert (tmp_path / "keys" / "issuer.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--role"),
        (("--role", "king"), "king"),
        (("--role", "customer"), "--subject"),
        (("--role", "customer", "--subject", "sub_1"), "26 characters"),
        (("--role", "shop", "--subject", SUBJECT), "customer"),
        (("--role", "shop", "--ttl", "0"), "--ttl"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_another_issuers_installation_mints_nothing(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text("{}")
    result = run(tmp_path, "--role", "shop", SAMTYCKE_JWKS=str(jwks))
    assert result.exit_code == 1
    assert "another issuer" in result.output


def test_without_a_data_folder_it_says_so(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", "--role", "shop")
    assert result.exit_code == 1
    assert "no data folder" in result.output
    assert not (tmp_path / "nowhere").exists()

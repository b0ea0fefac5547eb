"""AWS KMS: `aws-kms:ALIAS`, as `aws-kms:alias/samtycke`. Credentials, region and endpoint are boto3's own
(AWS_REGION, AWS_ENDPOINT_URL_KMS, a role of the machine).

Each key-encryption key is a KMS key of its own; its id stands in the table. Owner and key go along as
encryption context, which KMS authenticates and puts into its audit log. KMS has no batch call: a read of
many persons asks for each, several at once, unless the key is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
import botocore.config
from botocore.exceptions import BotoCoreError, ClientError

from service.crypto.providers import Bound
from service.errors import ConfigError, KeysUnavailableError

_AT_ONCE = 16
# Days until KMS really destroys a key; the least that it allows.
_WAIT = 7
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})

_T = TypeVar("_T")


class AwsKms:
    """`client` is a boto3 KMS client, which threads may share."""

    name = "aws-kms"
    remote = True

    def __init__(self, client: Any, alias: str) -> None:
        self._client, self._alias = client, alias

    @classmethod
    def open(cls, where: str, environ: Mapping[str, str]) -> AwsKms:
        if not where.startswith("alias/"):
            raise ConfigError("SAMTYCKE_KEYS=aws-kms:…: give an alias, as aws-kms:alias/samtycke")
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        config = botocore.config.Config(
            connect_timeout=1,
            read_timeout=5,
            retries={"max_attempts": 2},
            max_pool_connections=_AT_ONCE,
        )
        try:
            return cls(boto3.client("kms", region_name=region, config=config), where)
        except BotoCoreError as error:
            raise ConfigError(f"SAMTYCKE_KEYS=aws-kms:…: {error}") from None

    def wrap(self, kek: str, keys: Sequence[Bound]) -> list[bytes]:
        def wrap_one(key: Bound) -> bytes:
            answer = self._client.encrypt(
                KeyId=kek, Plaintext=key.data, EncryptionContext=_context(key.place)
            )
            return bytes(answer["CiphertextBlob"])

        return self._each(wrap_one, keys)

    def unwrap(self, kek: str, wrapped: Sequence[Bound]) -> list[bytes | None]:
        def unwrap_one(key: Bound) -> bytes | None:
            context = _context(key.place)
            try:
                answer = self._client.decrypt(KeyId=kek, CiphertextBlob=key.data, EncryptionContext=context)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _NOT_OURS:
                    return None
                raise
            return bytes(answer["Plaintext"])

        return self._each(unwrap_one, wrapped)

    def first(self) -> list[str]:
        try:
            return [_ask(lambda: str(self._client.describe_key(KeyId=self._alias)["KeyMetadata"]["KeyId"]))]
        except _MissingError:
            return [self.make(())]

    def make(self, known: Collection[str]) -> str:  # noqa: ARG002 (only new ones are made here)
        return _ask(self._make)

    def destroy(self, kek: str) -> str:
        _ask(lambda: self._client.schedule_key_deletion(KeyId=kek, PendingWindowInDays=_WAIT))
        return f"KMS refuses it from now on and destroys it in {_WAIT} days"

    def index_root(self) -> bytes | None:
        return None

    def _make(self) -> str:
        kek = str(self._client.create_key(Description="samtycke")["KeyMetadata"]["KeyId"])
        try:
            self._client.update_alias(AliasName=self._alias, TargetKeyId=kek)
        except self._client.exceptions.NotFoundException:
            self._client.create_alias(AliasName=self._alias, TargetKeyId=kek)
        return kek

    def _each(self, call: Callable[[Bound], _T], keys: Sequence[Bound]) -> list[_T]:
        if len(keys) == 1:
            return [_ask(lambda: call(keys[0]))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda key: _ask(lambda: call(key)), keys))


class _MissingError(KeysUnavailableError):
    """AWS KMS has no such key."""


def _context(place: bytes) -> dict[str, str]:
    return {"samtycke": place.decode()}


def _ask(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        kind = _MissingError if code == "NotFoundException" else KeysUnavailableError
        raise kind(f"AWS KMS: {code}") from None
    except BotoCoreError as error:
        raise KeysUnavailableError(f"AWS KMS: {type(error).__name__}") from None

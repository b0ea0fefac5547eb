"""The configuration: read once from the environment, frozen, passed in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from service.crypto.keks import GCM_LIMIT
from service.crypto.key_settings import KeySettings
from service.crypto.providers import parse_keys
from service.embedded.home import default_home
from service.embedded.instance import read_running_instance
from service.errors import ConfigError
from service.senders.guard import Allowed

MIB = 1024 * 1024
DATABASE_SCHEMES = ("postgresql", "postgres")
SMTP_SCHEMES = ("smtp", "smtps", "starttls")
BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps", "pyamqp")
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that differs between two installations. Sizes are bytes; paths are absolute.

    `database_url` and `broker_url` of None mean that the supervisor starts a server of its own; its
    children then receive the server's address, so that nothing else needs to know the difference.
    `jwks` is the path or the URL of the trusted issuer's keys; None means the embedded issuer, whose
    private key lies in `issuer_key_file`. `key_file` is used where `keys` names a file. `ledger_origin` names
    the ledger; None means the name that its key file holds. `public_url` is where customers' browsers and
    mail programs reach the service; without it and the two of mail, no mail goes out. `webhook_allow` opens
    addresses to webhooks that are no public ones."""

    home: Path
    host: str
    port: int
    database_url: str | None
    broker_url: str | None
    key_file: Path
    keys: KeySettings
    ledger_key_file: Path
    ledger_origin: str | None
    issuer: str
    audience: str
    jwks: str | None
    web_workers: int
    worker_concurrency: int
    max_body_bytes: int
    max_bulk_bytes: int
    demo: bool
    durable_decisions: bool
    erasure_journal: Path
    backup_days: int
    smtp_url: str | None
    mail_from: str | None
    public_url: str | None
    webhook_allow: str

    @property
    def issuer_key_file(self) -> Path:
        """The private key of the embedded issuer, which mints tokens when no other issuer is trusted."""
        return self.home / "keys" / "issuer.json"

    @property
    def address(self) -> str:
        """The service's own address, as a browser on this machine would write it."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 (compared, not bound)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Config:
        """Read the SAMTYCKE_* variables. An empty one counts as unset.

        Raises ConfigError naming the first variable that cannot be used."""
        given = {name: value.strip() for name, value in environ.items() if value.strip()}
        home = _path(given, "SAMTYCKE_HOME") or default_home(Path.cwd())
        database_url = _url(given, "SAMTYCKE_DATABASE_URL", DATABASE_SCHEMES)
        cores = os.cpu_count() or 1
        key_file, keys = _keys(given, _path(given, "SAMTYCKE_KEY_FILE") or home / "keys" / "keys.json")
        return cls(
            home=home,
            host=given.get("SAMTYCKE_HOST", "127.0.0.1"),
            port=_number(given, "SAMTYCKE_PORT", 8080, 1, 65535),
            database_url=database_url,
            broker_url=_url(given, "SAMTYCKE_BROKER_URL", BROKER_SCHEMES),
            key_file=key_file,
            keys=KeySettings(
                providers=keys,
                cache_size=_number(given, "SAMTYCKE_KEY_CACHE_SIZE", 10_000, 0, 10_000_000),
                cache_seconds=_number(given, "SAMTYCKE_KEY_CACHE_SECONDS", 300, 0, 86_400),
                kek_limit=_number(given, "SAMTYCKE_KEK_LIMIT", GCM_LIMIT, 1, GCM_LIMIT),
                data_key_limit=_number(given, "SAMTYCKE_DATA_KEY_LIMIT", GCM_LIMIT, 1, GCM_LIMIT),
            ),
            ledger_key_file=_path(given, "SAMTYCKE_LEDGER_KEY_FILE") or home / "keys" / "ledger.key",
            ledger_origin=_origin(given),
            issuer=given.get("SAMTYCKE_ISSUER", "samtycke-embedded"),
            audience=given.get("SAMTYCKE_AUDIENCE", "samtycke"),
            jwks=_jwks(given),
            web_workers=_number(given, "SAMTYCKE_WEB_WORKERS", min(2 * cores, 16), 1, 256),
            worker_concurrency=_number(given, "SAMTYCKE_WORKER_CONCURRENCY", cores, 1, 256),
            max_body_bytes=_number(given, "SAMTYCKE_MAX_BODY_BYTES", MIB, 1024, 1024 * MIB),
            max_bulk_bytes=_number(given, "SAMTYCKE_MAX_BULK_BYTES", 256 * MIB, 1024, 16 * 1024 * MIB),
            demo=_switch(given, "SAMTYCKE_DEMO", default=database_url is None),
            durable_decisions=_switch(given, "SAMTYCKE_DURABLE_DECISIONS", default=True),
            erasure_journal=_path(given, "SAMTYCKE_ERASURE_JOURNAL") or home / "erasures" / "journal",
            backup_days=_number(given, "SAMTYCKE_BACKUP_DAYS", 30, 1, 3650),
            smtp_url=_smtp(given),
            mail_from=_mail_from(given),
            public_url=_public_url(given),
            webhook_allow=_allowed(given),
        )

    @classmethod
    def for_running_instance(cls, environ: Mapping[str, str]) -> Config:
        """The configuration of the instance that runs on the data folder `environ` names.

        An environment that gives both servers itself needs no running instance. Otherwise raises
        ConfigError when nothing runs there."""
        config = cls.from_environ(environ)
        if config.database_url and config.broker_url:
            return config
        return cls.from_environ({**environ, **read_running_instance(config.home)})

    def as_environ(self) -> dict[str, str]:
        """The variables from which `from_environ` reads this same configuration again."""
        optional = {
            "SAMTYCKE_DATABASE_URL": self.database_url,
            "SAMTYCKE_BROKER_URL": self.broker_url,
            "SAMTYCKE_JWKS": self.jwks,
            "SAMTYCKE_LEDGER_ORIGIN": self.ledger_origin,
            "SAMTYCKE_SMTP_URL": self.smtp_url,
            "SAMTYCKE_MAIL_FROM": self.mail_from,
            "SAMTYCKE_PUBLIC_URL": self.public_url,
            "SAMTYCKE_WEBHOOK_ALLOW": self.webhook_allow or None,
        }
        return {
            "SAMTYCKE_HOME": str(self.home),
            "SAMTYCKE_HOST": self.host,
            "SAMTYCKE_PORT": str(self.port),
            "SAMTYCKE_KEY_FILE": str(self.key_file),
            "SAMTYCKE_LEDGER_KEY_FILE": str(self.ledger_key_file),
            "SAMTYCKE_KEYS": self.keys.providers,
            "SAMTYCKE_KEY_CACHE_SIZE": str(self.keys.cache_size),
            "SAMTYCKE_KEY_CACHE_SECONDS": str(self.keys.cache_seconds),
            "SAMTYCKE_KEK_LIMIT": str(self.keys.kek_limit),
            "SAMTYCKE_DATA_KEY_LIMIT": str(self.keys.data_key_limit),
            "SAMTYCKE_ISSUER": self.issuer,
            "SAMTYCKE_AUDIENCE": self.audience,
            "SAMTYCKE_WEB_WORKERS": str(self.web_workers),
            "SAMTYCKE_WORKER_CONCURRENCY": str(self.worker_concurrency),
            "SAMTYCKE_MAX_BODY_BYTES": str(self.max_body_bytes),
            "SAMTYCKE_MAX_BULK_BYTES": str(self.max_bulk_bytes),
            "SAMTYCKE_ERASURE_JOURNAL": str(self.erasure_journal),
            "SAMTYCKE_BACKUP_DAYS": str(self.backup_days),
            "SAMTYCKE_DEMO": "on" if self.demo else "off",
            "SAMTYCKE_DURABLE_DECISIONS": "on" if self.durable_decisions else "off",
            **{name: value for name, value in optional.items() if value is not None},
        }


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    # str.isdecimal admits digits of other scripts, and int() admits underscores; neither is meant here.
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise ConfigError(f"{name}={text}: must be a whole number from {least} to {most}")
    return int(text)


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name)
    if text is None:
        return default
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ConfigError(f"{name}={text}: must be on or off")


def _url(given: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    text = given.get(name)
    if text is None:
        return None
    # The value may hold a password, so the error names the variable and never repeats it.
    if text.partition("://")[0] not in schemes:
        raise ConfigError(f"{name}: must be a URL starting with {' or '.join(schemes)}")
    try:
        urlsplit(text).port  # noqa: B018 (reading it is the check)
    except ValueError:
        raise ConfigError(f"{name}: is not a URL that can be read") from None
    return text


def _smtp(given: Mapping[str, str]) -> str | None:
    text = _url(given, "SAMTYCKE_SMTP_URL", SMTP_SCHEMES)
    if text is not None and not urlsplit(text).hostname:
        raise ConfigError("SAMTYCKE_SMTP_URL: names no host")
    return text


def _mail_from(given: Mapping[str, str]) -> str | None:
    text = given.get("SAMTYCKE_MAIL_FROM")
    if text is not None and not (_PRINTABLE.fullmatch(text) and _ADDRESS.fullmatch(parseaddr(text)[1])):
        raise ConfigError("SAMTYCKE_MAIL_FROM: must be an address, as Tallgren <post@tallgren.example>")
    return text


def _public_url(given: Mapping[str, str]) -> str | None:
    text = _url(given, "SAMTYCKE_PUBLIC_URL", ("https", "http"))
    if text is None:
        return None
    parts = urlsplit(text)
    # One-click unsubscription is only honoured over https (RFC 8058, section 3.1).
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or parts.query or parts.fragment or (parts.scheme == "http" and not local):
        raise ConfigError(
            "SAMTYCKE_PUBLIC_URL: must be an https address without query, as https://me.example"
        )
    return text.rstrip("/")


def _allowed(given: Mapping[str, str]) -> str:
    text = given.get("SAMTYCKE_WEBHOOK_ALLOW", "")
    try:
        Allowed.parse(text)
    except ValueError as error:
        raise ConfigError(f"SAMTYCKE_WEBHOOK_ALLOW: {error}") from None
    return text


def _path(given: Mapping[str, str], name: str) -> Path | None:
    # Made absolute without resolving symbolic links: an administrator who moved the folder meant them.
    return Path.cwd() / given[name] if name in given else None


def _origin(given: Mapping[str, str]) -> str | None:
    text = given.get("SAMTYCKE_LEDGER_ORIGIN")
    if text is not None and ("+" in text or len(text.split()) != 1 or not text.isprintable()):
        raise ConfigError("SAMTYCKE_LEDGER_ORIGIN: names the ledger without spaces and plus signs")
    return text


def _keys(given: Mapping[str, str], key_file: Path) -> tuple[Path, str]:
    """The key file and the providers, with the file's path made absolute: `file:` alone is the key file."""
    parts = []
    for kind, where in parse_keys(given.get("SAMTYCKE_KEYS", "file:")):
        if kind == "file":
            key_file = Path.cwd() / where if where else key_file
        parts.append(f"{kind}:{key_file if kind == 'file' else where}")
    return key_file, ",".join(parts)


def _jwks(given: Mapping[str, str]) -> str | None:
    text = given.get("SAMTYCKE_JWKS")
    if text is None or text.startswith("https://"):
        return text
    if text.startswith("http://"):
        host = urlsplit(text).hostname
        if host in {"127.0.0.1", "localhost", "::1"}:
            return text
        raise ConfigError("SAMTYCKE_JWKS: keys from another machine must come over https")
    if not Path(text).is_file():
        raise ConfigError(f"SAMTYCKE_JWKS={text}: there is no such file")
    return str(Path.cwd() / text)

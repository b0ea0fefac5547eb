"""`samtycke token`: a token of the embedded issuer, for whoever may read its key file."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import click

from service import ids
from service.actor import ROLES
from service.config import Config
from service.errors import NotFoundError
from service.tokens import DEFAULT_TTL, LONGEST_TTL, load_issuer_key, mint

_SCOPE_HINT = "Scopes, separated by spaces, such as offers:special."


@click.command()
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="Repeat for more."
)
@click.option("--subject", help="The subject a customer speaks for: sub_ and 26 characters.")
@click.option("--sub", help="The person or client behind the token; else the first role's name.")
@click.option("--scope", default="", help=_SCOPE_HINT)
@click.option(
    "--ttl",
    type=click.IntRange(1, int(LONGEST_TTL.total_seconds() // 60)),
    default=int(DEFAULT_TTL.total_seconds() // 60),
    show_default=True,
    help="Minutes until it expires.",
)
def token(roles: tuple[str, ...], subject: str | None, sub: str | None, scope: str, ttl: int) -> None:
    """Print a token, and nothing else. An installation that trusts another issuer gets its tokens there."""
    config = Config.from_environ(os.environ)
    if config.jwks is not None:
        raise click.ClickException("SAMTYCKE_JWKS names another issuer; ask it for tokens")
    _check_subject(roles, subject)
    if not config.home.is_dir():
        raise click.ClickException(f"there is no data folder {config.home}: start with `samtycke run`")
    click.echo(
        mint(
            load_issuer_key(config.issuer_key_file),
            issuer=config.issuer,
            audience=config.audience,
            sub=sub or f"{roles[0]}-cli",
            roles=roles,
            now=datetime.now(UTC),
            scope=scope,
            subject=subject,
            ttl=timedelta(minutes=ttl),
        )
    )


def _check_subject(roles: tuple[str, ...], subject: str | None) -> None:
    if subject is None:
        if "customer" in roles:
            raise click.UsageError("a customer's token needs --subject")
        return
    if "customer" not in roles:
        raise click.UsageError("--subject belongs to the role customer")
    try:
        ids.read(ids.SUBJECT, subject)
    except NotFoundError:
        raise click.UsageError("--subject must be sub_ and 26 characters") from None

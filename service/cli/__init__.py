"""The `samtycke` command. A subcommand's module is loaded when it is asked for: `samtycke token` must not
wait for a web framework."""

from __future__ import annotations

import importlib

import click

from service.errors import SamtyckeError

# name: where it is, and what the overview says about it, so that `--help` loads none of them.
COMMANDS = {
    "run": ("service.cli.run:run", "Run everything here: servers, web, worker, beat, demo data."),
    "web": ("service.cli.run:web", "Run the web server alone."),
    "worker": ("service.cli.run:worker", "Run a task worker alone."),
    "beat": ("service.cli.run:beat", "Run the scheduler alone; one per installation."),
    "relay": ("service.cli.relay:relay", "Hand over what waits in the outbox; several may run."),
    "outbox": ("service.cli.outbox:outbox", "What waits, what is parked, and delivering it after all."),
    "migrate": ("service.cli.run:migrate", "Bring the database up to date."),
    "token": ("service.cli.token:token", "Print a token for a role."),
    "evaluate": ("service.cli.evaluate:evaluate", "Decide cases from JSON lines by a policy file."),
    "keys": ("service.cli.keys:keys", "Rotate, list and retire the keys that wrap data keys."),
    "policy": ("service.cli.policy:policy", "Check a policy document, or put it in force."),
    "ledger": ("service.cli.ledger:ledger", "Export, verify and witness the ledger."),
    "receipt": ("service.cli.receipt:receipt", "Check a receipt of consent, offline."),
    "backup": ("service.cli.backup:backup", "Back up the embedded database, and its keys apart from it."),
    "restore": ("service.cli.backup:restore", "Restore a backup onto an empty folder."),
    "erasures": ("service.cli.erasures:erasures", "Do the erasures of the journal in a restored database."),
    "retention": ("service.cli.retention:retention", "What was removed for its age."),
    "forecast": ("service.cli.forecast:forecast", "Learn the forecast model anew, and show it."),
    "pilot": ("service.cli.pilot:pilot", "Compare a pilot with the rest; measure detectors."),
    "import": ("service.cli.imports:imports", "Import a shop's files as signals."),
    "demo": ("service.cli.demo:demo", "Play a day with the demo customers."),
}


class LazyGroup(click.Group):
    """A group whose commands are named in a table and loaded when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SamtyckeError as error:
            # One line for a person; a traceback is for faults of the program itself.
            raise click.ClickException(str(error)) from error


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="samtycke")
def main() -> None:
    """The one place that answers: may we do this, for this person, now?"""

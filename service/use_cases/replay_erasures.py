"""Compare the erasure journal with the database, and do again what a copy brought back has not seen."""

from __future__ import annotations

from dataclasses import replace

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import PolicyMissingError
from service.policy import load_policy
from service.policy.policy import FORMAT
from service.storage.certificates import hold_replay, known_lines
from service.storage.database import Connection
from service.storage.journal import Entry, Journal, JournalError, read_line
from service.storage.unit import PolicyInForce
from service.use_cases.erase_subject import replay_erasure

_NO_POLICY = {"format": FORMAT, "default_level": "off", "purposes": {}, "programmes": {}}
_ACTOR = system_actor("replay-erasures")


def replay_erasures(services: Services) -> int:
    """Do what the journal tells of and the database has not done; how many erasures that were. Run by
    several at once, and again after a kill, it does each once.

    Raises JournalError when the journal is damaged, or lacks what the database knows: then nothing may be
    served, because a copy of the database could hold persons who were erased.
    """
    journal = services.erasures.journal
    with services.database.transaction() as db:
        hold_replay(db)
        # A copy may hold many; the session's limit is meant for requests.
        db.execute("set local statement_timeout = 0")
        missing = missing_entries(db, journal)
        for entry in missing:
            unit = services.unit_on(db, _in_force(services, db), _ACTOR)
            replay_erasure(replace(unit, now=entry.at), entry)
    return len(missing)


def missing_entries(db: Connection, journal: Journal) -> list[Entry]:
    """The entries that the database has not done. Raises JournalError when it knows others."""
    entries, known = journal.read(), known_lines(db)
    if known and not entries:
        raise JournalError(
            f"{journal.path} is missing, and the database knows of {len(known)} erasures: bring it back, or"
            " run `samtycke erasures recover` if this database is not older than the journal was"
        )
    for number, line in known.items():
        if number > len(entries):
            raise JournalError(
                f"{journal.path} ends at entry {len(entries)}, and the database knows entry {number}: bring"
                " the whole journal back, or run `samtycke erasures recover`"
            )
        if entries[number - 1].line != line:
            raise JournalError(f"{journal.path} and the database tell of different erasures at {number}")
    return [entry for entry in entries if entry.number not in known]


def recover_journal(db: Connection, journal: Journal) -> int:
    """Complete a journal that was lost, or an older copy of it, from what the database knows; how many
    entries. Raises JournalError when the two do not fit together."""
    known = known_lines(db)
    had = len(journal.read())
    lost = [read_line(known[number]) for number in sorted(known) if number > had]
    journal.extend(lost)
    missing_entries(db, journal)
    return len(lost)


def _in_force(services: Services, db: Connection) -> PolicyInForce:
    try:
        return services.policies.in_force(db)
    except PolicyMissingError:
        return PolicyInForce(0, load_policy(_NO_POLICY))

"""Makes the tables of a ledger, and brings those of an older format to the newest, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from greengate.ledger.migrations import CannotUpgrade
from greengate.ledger.places import Kind
from greengate.ledger.tables import FIRST_FORMAT

FORMATS = "ledger_format"


@contextmanager
def beginning(dialect: str, connect: Callable[[], Any], begin: str) -> Iterator[Connection]:
    """Begin a transaction on a connection of its own, and raise what goes wrong as the driver does."""
    engine = create_engine(dialect, creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise (error.orig or error) from None
    finally:
        engine.dispose()


def upgrade(connection: Connection, version: int) -> None:
    """Run the revisions that are missing, in the open transaction of a connection.

    Args:
        connection: To the database.
        version: The format of what is there, 0 where nothing is.

    Raises:
        CannotUpgrade: What is there is damaged.
    """
    scripts = ScriptDirectory(str(Path(__file__).with_name("migrations")))
    missing = scripts._upgrade_revs  # noqa: SLF001 - as Alembic's own commands do
    options = {"version_table": FORMATS, "fn": lambda revision, _: missing("head", revision)}
    context = MigrationContext.configure(connection, opts=options)
    if version == FIRST_FORMAT and not context.get_current_heads():  # it was made before there were revisions
        context.stamp(scripts, "0001")
    with Operations.context(context):
        context.run_migrations()


def refuse_damaged(where: str, kind: Kind, error: CannotUpgrade) -> NoReturn:
    """Say that something damaged was not upgraded."""
    problem = f"this {kind.name} is damaged, and was left as it is: {error}"
    raise kind.error(where, problem, "restore a backup; what can be read of it can still be read") from error

"""The made-up company of examples/company, small; and its totals by the SQL that auditors get."""

import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples" / "company"))

import make as company_make  # noqa: E402
from year import Company  # noqa: E402, F401 - tests take it from here

SMALL = company_make.Size(models=7, changes=4)
SQL = (ROOT / "docs" / "sql" / "quarter.sql").read_text(encoding="utf-8")


def company(folder, seed=7, **rest):
    """Make the ledger of a small company; its path."""
    return company_make.make(folder, seed, SMALL, **rest)


def by_sql(address, leaves, start, stop, zone="UTC", edge=""):
    """Work the totals of a period out in PostgreSQL, from bytes of leaves; by their ids."""
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE leaf (idx bigint PRIMARY KEY, entry_id text, body jsonb)")
        with connection.cursor().copy("COPY leaf FROM STDIN") as copy:
            for index, (entry_id, leaf) in enumerate(leaves):
                copy.write_row((index, entry_id, leaf.decode()))
        connection.execute("CREATE TABLE asked (start timestamptz, stop timestamptz, zone text, edge text)")
        connection.execute("INSERT INTO asked VALUES (%s, %s, %s, %s)", (start, stop, zone, edge))
        connection.execute("CREATE INDEX ON leaf ((body->>'predicateType')); ANALYZE leaf")
        connection.execute(SQL)
        return dict(connection.execute("SELECT id, amount FROM quarter").fetchall())

"""The tables of the book of budgets, in the SQL that SQLite and PostgreSQL share.

`book_event` is the record, to which lines are only ever added; each names the one before it by its hash.
`book_account` (the sums, and the row that is locked) and `book_reservation` (what is open) follow from it.
"""

from __future__ import annotations

VERSION = 1
MARK = "book_account"
TABLES = """
CREATE TABLE book_account (
    account_id TEXT PRIMARY KEY, budget TEXT NOT NULL, scope TEXT NOT NULL, period TEXT NOT NULL, unit TEXT NOT NULL,
    opened BIGINT NOT NULL, consumed BIGINT NOT NULL, once BIGINT NOT NULL, adjusted BIGINT NOT NULL,
    reserved BIGINT NOT NULL, max_amount BIGINT, events BIGINT NOT NULL, head TEXT NOT NULL);
CREATE TABLE book_event (
    account_id TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, amount BIGINT NOT NULL, change_id TEXT NOT NULL,
    model TEXT NOT NULL, source TEXT NOT NULL, max_amount BIGINT, by_whom TEXT NOT NULL, at TEXT NOT NULL,
    why TEXT NOT NULL, previous TEXT NOT NULL, event_id TEXT NOT NULL UNIQUE, PRIMARY KEY (account_id, seq));
CREATE UNIQUE INDEX book_event_source ON book_event (account_id, kind, source) WHERE source <> '';
CREATE UNIQUE INDEX book_event_merged ON book_event (change_id, model, account_id) WHERE kind = 'consume';
CREATE TABLE book_reservation (
    change_id TEXT NOT NULL, model TEXT NOT NULL, account_id TEXT NOT NULL, amount BIGINT NOT NULL,
    max_amount BIGINT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (change_id, model, account_id));
CREATE INDEX book_reservation_account ON book_reservation (account_id, amount);
"""

# SQLite runs no DELETE trigger for what INSERT OR REPLACE replaces, so that this needs a guard of its own.
SQLITE_GUARDS = """
CREATE TRIGGER event_no_update BEFORE UPDATE ON book_event BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON book_event BEGIN SELECT RAISE(ABORT, 'events never go'); END;
CREATE TRIGGER event_no_replace BEFORE INSERT ON book_event
    WHEN EXISTS (SELECT 1 FROM book_event WHERE event_id = NEW.event_id
        OR (account_id = NEW.account_id AND seq = NEW.seq)
        OR (NEW.source <> '' AND account_id = NEW.account_id AND kind = NEW.kind AND source = NEW.source)
        OR (NEW.kind = 'consume' AND kind = 'consume' AND change_id = NEW.change_id AND model = NEW.model
            AND account_id = NEW.account_id))
    BEGIN SELECT RAISE(ABORT, 'events never change'); END;
"""
POSTGRES_GUARDS = """
CREATE TABLE book_format (version BIGINT NOT NULL);
INSERT INTO book_format VALUES (1);
CREATE FUNCTION book_refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'events never change and never go'; END $$;
CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON book_event FOR EACH ROW EXECUTE FUNCTION book_refuse();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON book_event FOR EACH STATEMENT EXECUTE FUNCTION book_refuse();
"""

_ACCOUNT = "a.budget, a.scope, a.period, a.unit"
_SUMS = "opened, consumed, once, adjusted, reserved, max_amount, events, head"
ACCOUNTS = f"SELECT {_ACCOUNT} FROM book_account a WHERE events > 0"
ALL_ACCOUNTS = f"SELECT account_id, {_ACCOUNT} FROM book_account a ORDER BY account_id"
BALANCE = f"SELECT unit, {_SUMS} FROM book_account WHERE account_id = ?"
NEW_ACCOUNT = f"""INSERT INTO book_account (account_id, budget, scope, period, unit, {_SUMS})
    VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, NULL, 0, '') ON CONFLICT DO NOTHING"""
NEW_BALANCE = """UPDATE book_account SET opened = ?, consumed = ?, once = ?, adjusted = ?, reserved = ?, max_amount = ?,
    events = ?, head = ? WHERE account_id = ?"""

_LINE = "seq, kind, amount, change_id, model, source, max_amount, by_whom, at, why, previous, event_id"
_EVENT = f"""SELECT {_ACCOUNT}, {", ".join(f"e.{column}" for column in _LINE.split(", "))}
    FROM book_event e JOIN book_account a ON a.account_id = e.account_id"""
EVENTS = f"{_EVENT} WHERE e.account_id = ? ORDER BY e.seq"
MERGED = f"{_EVENT} WHERE e.kind = 'consume' AND e.change_id = ?"
FROM_SOURCE = f"{_EVENT} WHERE e.account_id = ? AND e.kind = ? AND e.source = ? AND e.source <> ''"
NEW_EVENT = f"INSERT INTO book_event (account_id, {_LINE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_HELD = f"""SELECT {_ACCOUNT}, r.change_id, r.model, r.amount, r.max_amount, r.since
    FROM book_reservation r JOIN book_account a ON a.account_id = r.account_id"""
HELD = _HELD
HELD_BY = f"{_HELD} WHERE r.change_id = ?"
HELD_OF = f"{_HELD} WHERE r.account_id = ?"
LARGEST_OF = f"{HELD_OF} ORDER BY r.amount DESC, r.change_id, r.model LIMIT ?"
NO_LONGER_HELD = "DELETE FROM book_reservation WHERE change_id = ? AND model = ? AND account_id = ?"
NONE_HELD_OF = "DELETE FROM book_reservation WHERE account_id = ?"
NEW_HELD = """INSERT INTO book_reservation (change_id, model, account_id, amount, max_amount, since)
    VALUES (?, ?, ?, ?, ?, ?)"""
ORPHANS = """SELECT account_id FROM book_event WHERE account_id NOT IN (SELECT account_id FROM book_account)
    UNION SELECT account_id FROM book_reservation WHERE account_id NOT IN (SELECT account_id FROM book_account)"""

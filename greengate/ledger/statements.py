"""What is asked of a ledger's tables, in SQLAlchemy Core; values come in the order of their first mention."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ColumnClause
from sqlalchemy.sql.functions import FunctionElement

from greengate.ledger.tables import body, checkpoint, entry, head, identity, mark, tile


class Holds(FunctionElement[bool]):
    """Whether some bytes hold others."""

    inherit_cache = True
    type = Boolean()


@compiles(Holds)
def _in_sqlite(element: Holds, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)}) > 0"


@compiles(Holds, "postgresql")
def _in_postgresql(element: Holds, compiler: SQLCompiler, **options: Any) -> str:
    where, what = (compiler.process(part, **options) for part in element.clauses)
    return f"position({what} IN {where}) > 0"


class Numbers(FunctionElement[int]):
    """The numbers that a text lists, as `[1,2,3]`."""

    inherit_cache = True


@compiles(Numbers)
def _numbers_in_sqlite(element: Numbers, compiler: SQLCompiler, **options: Any) -> str:
    listed = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({listed}))"  # noqa: S608 - the place of a value


@compiles(Numbers, "postgresql")
def _numbers_in_postgresql(element: Numbers, compiler: SQLCompiler, **options: Any) -> str:
    listed = compiler.process(element.clauses, **options)
    return f"(SELECT unnest(CAST(translate({listed}, '[]', '{{}}') AS BIGINT[])))"


def _some(found: Select[Any], most: int) -> Select[Any]:
    """Give the first rows; written out, since SQLAlchemy adds a value of its own to a limit that is not."""
    return found.limit(literal_column(str(most))).offset(literal_column("0"))


BATCH = 512
_ONE: ColumnClause[int] = literal_column("1")
_START: BindParameter[int] = bindparam("start")
_STOP: BindParameter[int] = bindparam("stop")
_ENTRIES = select(entry.c.idx, entry.c.entry_id, entry.c.leaf)
_AMONG = entry.c.idx.bool_op("IN")(Numbers(bindparam("indexes")))
_RANGE = (entry.c.idx >= _START, entry.c.idx < _STOP)

SIZE = select(head.c.size)
HEAD = select(head.c.size, head.c.frontier)
LOCKED_HEAD = HEAD.with_for_update()
TOUCHED_HEAD = update(head).values(size=head.c.size)
NEW_HEAD = update(head).values(
    size=bindparam("new_size"), frontier=bindparam("new_frontier"), marked=bindparam("all_marked")
)

KNOWN = select(entry.c.idx).where(entry.c.entry_id == bindparam("entry_id"))
NEW_ENTRY = insert(entry)
ENTRIES = _some(_ENTRIES.where(*_RANGE).order_by(entry.c.idx), BATCH)
ENTRIES_BACKWARDS = _some(_ENTRIES.where(entry.c.idx < _STOP).order_by(entry.c.idx.desc()), 64)
ENTRIES_NAMED = _ENTRIES.where(entry.c.entry_id >= _START, entry.c.entry_id < _STOP).order_by(entry.c.idx)
# Coalesced, so that it is not looked for in the index of all ids, where each lies somewhere else.
ENTRY_NEAR = _ENTRIES.where(*_RANGE, func.coalesce(entry.c.entry_id, literal_column("''")) == bindparam("entry_id"))
IDS_AMONG = select(entry.c.idx, entry.c.entry_id).where(_AMONG)
ENTRIES_AMONG = _ENTRIES.where(_AMONG)
ENTRIES_HOLDING = _ENTRIES.where(Holds(entry.c.leaf, bindparam("text"))).order_by(entry.c.idx)
LEAF_HASHES = select(entry.c.leaf_hash).where(*_RANGE).order_by(entry.c.idx)

NEW_MARK = insert(mark)
_MARKED = (mark.c.name == bindparam("name"), mark.c.value == bindparam("value"))
_MARKED_IN = (*_MARKED, mark.c.idx >= _START, mark.c.idx < _STOP)
_MARKED_ROWS = select(entry.c.idx, entry.c.entry_id, entry.c.leaf_hash, entry.c.leaf).join_from(
    mark, entry, entry.c.idx == mark.c.idx
)
_NAMED_IN = (mark.c.name == bindparam("name"), mark.c.idx >= _START, mark.c.idx < _STOP)
NAMED_ROWS = _MARKED_ROWS.where(*_NAMED_IN).order_by(mark.c.idx)
NAMED_INDEXES = select(mark.c.idx).where(*_NAMED_IN).order_by(mark.c.idx)
MARKED = _some(_MARKED_ROWS.where(*_MARKED_IN).order_by(mark.c.idx), BATCH)
MARKED_BACKWARDS = _some(_MARKED_ROWS.where(*_MARKED, mark.c.idx < _STOP).order_by(mark.c.idx.desc()), 64)
MARKED_HOLDING = _MARKED_ROWS.where(*_MARKED, Holds(entry.c.leaf, bindparam("text"))).order_by(mark.c.idx)
MARKED_INDEXES = _some(select(mark.c.idx).where(*_MARKED_IN).order_by(mark.c.idx), 4 * BATCH)
VALUES = (
    select(mark.c.value, func.count())
    .where(mark.c.name == bindparam("name"), mark.c.idx >= literal_column("0"), mark.c.idx < _STOP)
    .group_by(mark.c.value)
    .order_by(mark.c.value)
)
_EVERY = (mark.c.name, mark.c.value, mark.c.idx)
MARKS = _some(
    select(*_EVERY)
    .where(
        tuple_(*_EVERY) > tuple_(bindparam("name"), bindparam("value"), bindparam("idx")),
        mark.c.name != bindparam("but"),
    )
    .order_by(*_EVERY),
    BATCH,
)
MARKS_BEYOND = select(func.min(mark.c.idx), func.count()).where(or_(mark.c.idx < _START, mark.c.idx >= _STOP))

NEW_TILE = insert(tile)
NUMBERED_TILES = select(tile.c.idx, tile.c.root).where(tile.c.level == _ONE, tile.c.idx >= _START, tile.c.idx < _STOP)
TILES = (
    select(tile.c.root)
    .where(tile.c.level == bindparam("level"), tile.c.idx >= _START, tile.c.idx < _STOP)
    .order_by(tile.c.idx)
)

BODY = select(body.c.body).where(body.c.digest == bindparam("digest"))
KNOWN_BODY = select(body.c.digest).where(body.c.digest == bindparam("digest"))
NEXT_BODY = select(func.min(body.c.digest)).where(body.c.digest >= _START)
NEW_BODY = insert(body)

_CHECKPOINTS = select(checkpoint.c.size, checkpoint.c.note)
CHECKPOINT = _CHECKPOINTS.where(checkpoint.c.size == bindparam("size"))
NEWEST_CHECKPOINT = _CHECKPOINTS.where(checkpoint.c.size == select(func.max(checkpoint.c.size)).scalar_subquery())
NEW_CHECKPOINT = insert(checkpoint)

# What `soundness` asks for: also what cannot be there.
ROWS = _some(
    select(entry.c.idx, entry.c.entry_id, entry.c.leaf_hash, entry.c.leaf).where(*_RANGE).order_by(entry.c.idx),
    4 * BATCH,
)
ENTRIES_BEYOND = select(func.min(entry.c.idx), func.max(entry.c.idx), func.count()).where(
    or_(entry.c.idx < _START, entry.c.idx >= _STOP)
)
TWINS = select(func.min(entry.c.idx), func.max(entry.c.idx)).group_by(entry.c.entry_id).having(func.count() > _ONE)
TILES_BEYOND = select(func.min(tile.c.idx), func.count()).where(
    tile.c.level == bindparam("level"), or_(tile.c.idx < _START, tile.c.idx >= _STOP)
)
TILES_ASTRAY = select(tile.c.level, tile.c.idx).where(or_(tile.c.level < _START, tile.c.level > _STOP))
CHECKPOINTS_BEYOND = _CHECKPOINTS.where(or_(checkpoint.c.size < _START, checkpoint.c.size > _STOP))
CHECKPOINTS = _CHECKPOINTS.where(checkpoint.c.size > _START, checkpoint.c.size <= _STOP).order_by(checkpoint.c.size)
BODIES = _some(select(body.c.digest, body.c.body).where(body.c.digest > bindparam("after")).order_by(body.c.digest), 64)

SQLITE_TRIGGERS = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
POSTGRES_TRIGGERS = text("""SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
    AND pg_table_is_visible(tgrelid)""")

POSTGRES_OPEN_SCHEMAS = text("""SELECT n.nspname FROM pg_namespace n
    WHERE n.nspname = ANY (current_schemas(false)) AND EXISTS (SELECT 1 FROM aclexplode(n.nspacl) a
        WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner
            AND a.grantee <> (SELECT c.relowner FROM pg_class c WHERE c.oid = 'ledger_head'::regclass))
    ORDER BY n.nspname""")

HANDLE = select(identity.c.handle).where(identity.c.pseudonym == bindparam("pseudonym"))
PSEUDONYMS = (
    select(identity.c.pseudonym, identity.c.number)
    .where(identity.c.handle == bindparam("handle"))
    .order_by(identity.c.number)
)
# As the second format kept them: further ones under handles with a number behind a line break.
OLD_PSEUDONYMS = select(identity.c.pseudonym).where(
    or_(
        identity.c.handle == bindparam("handle"),
        func.substr(identity.c.handle, _ONE, bindparam("length")) == bindparam("beginning"),
    )
)
NEW_IDENTITY = insert(identity)
NO_IDENTITY = delete(identity).where(identity.c.handle == bindparam("handle"))
COMMIT = text("COMMIT")


class Texts(dict[ClauseElement, str]):
    """The statements as text for one database, each made when it is first asked for."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def __missing__(self, statement: ClauseElement) -> str:
        """Make one."""
        made = str(statement.compile(dialect=self._dialect))
        self[statement] = made
        return made

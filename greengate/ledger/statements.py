"""What is asked of a ledger's tables, in SQLAlchemy Core; values come in the order of their first mention."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement

from greengate.ledger.tables import body, checkpoint, entry, head, identity, tile


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


_START: BindParameter[int] = bindparam("start")
_STOP: BindParameter[int] = bindparam("stop")
_ENTRIES = select(entry.c.idx, entry.c.entry_id, entry.c.leaf)
_RANGE = (entry.c.idx >= _START, entry.c.idx < _STOP)

SIZE = select(head.c.size)
HEAD = select(head.c.size, head.c.frontier)
LOCKED_HEAD = HEAD.with_for_update()
TOUCHED_HEAD = update(head).values(size=head.c.size)
NEW_HEAD = update(head).values(size=bindparam("new_size"), frontier=bindparam("new_frontier"))

INDEX_OF = select(entry.c.idx).where(entry.c.entry_id == bindparam("entry_id"))
NEW_ENTRY = insert(entry)
ENTRIES = _ENTRIES.where(*_RANGE).order_by(entry.c.idx)
ENTRIES_BACKWARDS = _ENTRIES.where(*_RANGE).order_by(entry.c.idx.desc())
ENTRIES_NAMED = _ENTRIES.where(entry.c.entry_id >= _START, entry.c.entry_id < _STOP).order_by(entry.c.idx)
ENTRIES_HOLDING = _ENTRIES.where(Holds(entry.c.leaf, bindparam("text"))).order_by(entry.c.idx)
LEAF_HASHES = select(entry.c.leaf_hash).where(*_RANGE).order_by(entry.c.idx)

NEW_TILE = insert(tile)
TILES = (
    select(tile.c.root)
    .where(tile.c.level == bindparam("level"), tile.c.idx >= _START, tile.c.idx < _STOP)
    .order_by(tile.c.idx)
)

BODY = select(body.c.body).where(body.c.digest == bindparam("digest"))
HAS_BODY = select(body.c.digest).where(body.c.digest == bindparam("digest"))
NEW_BODY = insert(body)

_CHECKPOINTS = select(checkpoint.c.size, checkpoint.c.note)
CHECKPOINT = _CHECKPOINTS.where(checkpoint.c.size == bindparam("size"))
NEWEST_CHECKPOINT = _CHECKPOINTS.where(checkpoint.c.size == select(func.max(checkpoint.c.size)).scalar_subquery())
NEW_CHECKPOINT = insert(checkpoint)

HANDLE = select(identity.c.handle).where(identity.c.pseudonym == bindparam("pseudonym"))
PSEUDONYM = select(identity.c.pseudonym).where(identity.c.handle == bindparam("handle"))
NEW_IDENTITY = insert(identity)
NO_IDENTITY = delete(identity).where(identity.c.handle == bindparam("handle"))


class Texts(dict[ClauseElement, str]):
    """The statements as text for one database, each made when it is first asked for."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def __missing__(self, statement: ClauseElement) -> str:
        """Make one."""
        made = str(statement.compile(dialect=self._dialect))
        self[statement] = made
        return made

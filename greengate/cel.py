"""Expressions in CEL (Common Expression Language), by cel-expr-python; the only module that knows that package.

The engine checks names and kinds when an expression is compiled. What could still let an expression pass in silence is
taken out of it: `dyn`, which switches those checks off; `has`, which for a name with dots gives its value; `/`, which
gives infinity or NaN for a divisor of zero; and text that becomes a figure, since it may say "nan".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from greengate.errors import MissingExtra, Place, PolicyError, Problems, nearest

# The engine stops after 10,000 steps of comprehensions, but a step may search a list; so the lists must be short too.
MAX_CHARACTERS = 2_000

FieldValue: TypeAlias = float | str | bool | Mapping[str, str]

_ENVIRONMENT = """\
stdlib:
  exclude_macros: [has]
  exclude_functions:
  - name: dyn
  - name: "_/_"
  - {name: double, overloads: [{id: string_to_double}]}
"""
_FUNCTIONS = (
    *("contains", "endsWith", "matches", "size", "startsWith"),
    *("all", "exists", "exists_one", "filter", "map"),
    *("double", "int", "string"),
)
_WRITABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_FIGURE = re.compile(r"(?<![\w.])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]\+?[0-9]+)?")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MISTAKE = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?: \[[A-Z_]+\])?$", re.MULTILINE)
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_OPERATORS = {"_?_:_": "? :", "_[_]": "[ ]", "@in": "in"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that has been checked, ready to be evaluated any number of times.

    Attributes:
        text: The expression as written.
        place: Where it is written.
        names: The fields it uses, each of which must have a value before it is evaluated.
    """

    text: str
    place: Place
    names: frozenset[str]
    _kinds: Mapping[str, str]
    _program: Any

    def evaluate(self, values: Mapping[str, FieldValue]) -> bool:
        """Return whether the condition holds for the values of its fields; others are ignored.

        Raises:
            PolicyError: A field has no value, or one that is not finite or of another kind than declared; or the engine
                gave up: division by zero, a missing key, too many steps.
        """
        data = {name: self._checked(name, values) for name in sorted(self.names)}
        try:
            result = self._program.eval(data=data)
        except RuntimeError as stopped:
            raise self._stopped(str(stopped)) from stopped
        value = result.value()
        if result.type().name() != "BOOL" or not isinstance(value, bool):
            raise self._stopped(str(value))
        return value

    def _checked(self, name: str, values: Mapping[str, FieldValue]) -> FieldValue:
        kind, value = self._kinds[name], values.get(name)
        if value is None:
            raise PolicyError(self.place, f"`{name}` has no value here", "leave it out of the expression, or supply it")
        if kind == "double" and isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise PolicyError(self.place, f"`{name}` is {value}, which cannot be judged", "measure again")
            return float(value)
        expected: dict[str, Any] = {"double": (), "string": str, "bool": bool, "map": Mapping}
        fits = isinstance(value, expected[kind])
        if not fits:
            raise PolicyError(self.place, f"`{name}` is {value!r}; a {kind} was expected")
        return value

    def _stopped(self, reason: str) -> PolicyError:
        reason = _STATUS.sub("", reason)
        if "Iteration budget exceeded" in reason:
            return PolicyError(self.place, "the expression takes too many steps and was stopped", "use shorter lists")
        if missing := re.search(r'Key not found in map : (".*")', reason):
            maps = sorted(name for name, kind in self._kinds.items() if kind == "map")
            hint = f"ask first whether it is there: `{missing[1]} in {maps[0] if maps else 'it'} && ...`"
            return PolicyError(self.place, f"there is no key {missing[1]} here", hint)
        return PolicyError(self.place, f"the expression could not be evaluated: {reason}")


def compile_expression(text: str, fields: Mapping[str, str], place: Place) -> Expression:
    """Check an expression against the fields it may use.

    Args:
        text: CEL that gives true or false.
        fields: Kinds by dotted name: "double", "string", "bool", or "map" (of text to text). No name may begin another.
        place: Where the expression is written.

    Raises:
        Problems: One PolicyError a mistake: an unknown name, kinds that do not fit, a result that is not true or false.
        MissingExtra: cel-expr-python is not installed.
    """
    engine = _engine()
    if mistakes := list(_unfit(text)):
        raise Problems(PolicyError(place, *mistake) for mistake in mistakes)
    known = {name: kind for name, kind in fields.items() if _WRITABLE.fullmatch(name)}
    try:
        program = _compiled(engine, text, known)
    except RuntimeError as refused:
        told = dict.fromkeys(_mistakes(str(refused), text, fields))  # a name misspelt twice is told once
        raise Problems(PolicyError(place, *mistake) for mistake in told) from refused
    kind = program.return_type().name()
    if kind != "BOOL":
        found = f"the expression gives a value of kind {kind.lower()}; true or false was expected"
        raise Problems([PolicyError(place, found, "compare it with something: `... <= 850.0`")])
    names = frozenset(name for name in known if _uses(engine, text, known, name))
    return Expression(text, place, names, {name: known[name] for name in names}, program)


def _engine() -> Any:
    try:
        from cel_expr_python import cel  # noqa: PLC0415 - an extra, and only for policies with expressions
    except ImportError as missing:
        hint = "pip install 'greengate-ci[cel]'"
        raise MissingExtra("", "rules with `cel:` need the package cel-expr-python", hint) from missing
    return cel


def _compiled(engine: Any, text: str, fields: Mapping[str, str]) -> Any:
    kinds = {
        "double": engine.Type.DOUBLE,
        "string": engine.Type.STRING,
        "bool": engine.Type.BOOL,
        "map": engine.Type.Map(engine.Type.STRING, engine.Type.STRING),
    }
    variables = {name: kinds[kind] for name, kind in fields.items()}
    return engine.NewEnv(config=engine.NewEnvConfigFromYaml(_ENVIRONMENT), variables=variables).compile(text)


def _uses(engine: Any, text: str, fields: Mapping[str, str], name: str) -> bool:
    """Whether an expression that compiles no longer does without a field; so the engine itself resolves the names."""
    if name.rpartition(".")[2] not in text:
        return False
    try:
        _compiled(engine, text, {other: kind for other, kind in fields.items() if other != name})
    except RuntimeError:
        return True
    return False


def _unfit(text: str) -> Iterator[tuple[str, str]]:
    """What the engine would take, or not explain."""
    if not text.strip():
        yield "the expression is empty", "write a condition, or leave the rule out"
    if len(text) > MAX_CHARACTERS:
        yield f"the expression has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read", "split the rule"
    if unwanted := _NO_TEXT.search(text):
        yield f"the expression holds U+{ord(unwanted[0]):04X}, a character that cannot be shown", "remove it"
    for figure in _FIGURE.findall(text):
        if math.isinf(float(figure)):
            yield f"`{figure[:40]}` is too large to be a finite number", "write a limit that can be reached"


def _mistakes(refusal: str, text: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield a problem and a hint for each mistake that the engine's compiler told."""
    if "recursion" in refusal:
        yield "the expression is nested too deeply", "write it flatter, or as several rules"
        return
    found = _MISTAKE.findall(refusal)
    if not found:
        yield f"the expression cannot be used: {_STATUS.sub('', refusal)}", ""
    lines = text.split("\n")
    for row, column, problem in found:
        line, spot = int(row), int(column)
        where = f"line {line}, character {spot}" if len(lines) > 1 else f"character {spot}"
        written = lines[line - 1] if 0 < line <= len(lines) else ""
        yield _mistake(problem, (written[: spot - 1], written[spot - 1 :]), where, fields)


def _mistake(problem: str, written: tuple[str, str], where: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """Say one problem of the compiler in our words; `written` is the line before and after the spot."""
    if unknown := re.fullmatch(r"undeclared reference to '(.+?)' \(in container ''\)", problem):
        return _unknown(unknown[1], fields, where, function=written[1].startswith("("))
    if misfit := re.fullmatch(r"found no matching overload for '(.+)' applied to '(?:(.+)\.)?\((.*)\)'", problem):
        return _misfit(misfit[1], ", ".join(filter(None, misfit.groups()[1:])), written, where)
    if syntax := re.match(r"Syntax error: (.*?)(?: expecting .*)?$", problem):
        words = "it ends too early" if "<EOF>" in syntax[1] else f"{syntax[1]} at {where}"
        return f"this is not CEL: {words}", "CEL writes `==`, `&&`, `||` and `!`, and text in double quotes"
    if "operand of a select" in problem:
        return f"what stands before the `.` at {where} has no parts", nearest(_word(*written), fields)
    return f"{problem} at {where}", ""


def _unknown(name: str, fields: Mapping[str, str], where: str, *, function: bool) -> tuple[str, str]:
    if name == "_/_":
        found = f"`/` at {where} is not accepted, since a divisor of zero gives infinity and not an error"
        return found, "multiply the other side: `a <= b * 1.05` for `a / b <= 1.05`"
    if function:
        return f"there is no function `{name}`", nearest(name, _FUNCTIONS)
    for field in sorted(fields):
        if field.startswith(name) and not re.match(r"[\w.]|$", field[len(name) :]):
            return f"there is no field `{name}`", f"`{field}` needs a name of letters, digits and `_` to be used in CEL"
    return f"there is no field `{name}`", nearest(name, filter(_WRITABLE.fullmatch, fields))


def _misfit(function: str, kinds: str, written: tuple[str, str], where: str) -> tuple[str, str]:
    sign = _OPERATORS.get(function, function.strip("_"))
    hint = ""
    if "double" in kinds and "int" in kinds:
        after = re.match(r"[^\w\s]+\s*(-?\d+)(?![\w.])", written[1])
        literal = after or re.search(r"(?<![\w.])(-?\d+)\s*$", written[0])
        number = literal[1] if literal else "40"
        hint = f"figures and whole numbers do not mix: write `{number}.0` instead of `{number}`"
    return f"`{sign}` at {where} cannot be applied to ({kinds})", hint


def _word(before: str, rest: str) -> str:
    """The dotted name around a spot in a line."""
    head, tail = re.search(r"[\w.]*$", before), re.match(r"[\w.]*", rest)
    return (head[0] if head else "") + (tail[0] if tail else "")

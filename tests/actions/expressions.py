"""Expressions of workflows, evaluated by GitHub's own evaluator in one Node process."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "tests" / "node" / "expressions.mjs"
INSTALLED = ROOT / ".node" / "node_modules" / "@actions" / "expressions"
_PART = re.compile(r"\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}")


@dataclass(frozen=True)
class Scope:
    """What an expression can see: contexts by name, how the steps before went, and the workspace for hashFiles."""

    contexts: dict
    status: str = "success"
    workspace: str = "/"


class Expressions:
    """GitHub's evaluator; what it refuses is an AssertionError with its words."""

    def __init__(self):
        assert INSTALLED.is_dir(), "there is no .node: `make .node/.installed` makes it, as `make test` does"
        self._node = subprocess.Popen(
            ["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def condition(self, text, scope):
        """Tell whether a step or a job runs; without a status function it does only after success."""
        whole = _PART.fullmatch(str(text).strip())
        return self._asked(whole[1] if whole else str(text), scope, condition=True)

    def expand(self, text, scope):
        """Return a value of a workflow as text, each expression in it replaced."""
        if text is None:
            return ""
        if isinstance(text, bool):
            return str(text).lower()
        return _PART.sub(lambda part: self._asked(part[1], scope, condition=False), str(text))

    def _asked(self, expression, scope, *, condition):
        request = {"expression": expression.strip(), "condition": condition, **vars(scope)}
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        assert "error" not in answer, f"{expression}: {answer.get('error')}"
        return answer["value"]

    def close(self):
        self._node.stdin.close()
        self._node.wait(10)
        self._node.stdout.close()

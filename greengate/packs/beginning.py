"""The text of a first policy: it extends a shipped pack, and says in comments what can be added."""

from __future__ import annotations

import json
from typing import Any

from greengate import shipped
from greengate.errors import Place, UsageError
from greengate.packs.sources import shipped_file, unknown_pack
from greengate.packs.yaml_core import resolve
from greengate.packs.yaml_text import parse

_TEXT = """\
# What a change of a model must stand: everything that the pack `{pack}` asks, and what is added here.
# Read it aloud with `greengate policy explain {file}`.
apiVersion: greengate/v1
kind: Policy
metadata:
  name: {name}
  # owners: ["@your-org/ml-platform"]   # who answers for it, and may let a soft failure through
  description: {description}
extends:
  - {{pack: {pack}}}   # may be tightened here, and never loosened

# Without `match`, the policy covers every model.
# match: {{models: ["nlp/*"]}}

# The numbers of `{pack}`; here they may be made stricter.
# params:
{params}

# Rules of your own; `greengate policy schema` says what can be written.
# rules:
#   - id: size-cap
#     metric: model_size
#     max: 500 MiB
#     enforce: soft            # advisory warns; soft fails unless waived; hard fails whatever anybody says
#     message: The model does not fit the image that serves it
"""


def first_policy(name: str, pack: str, file: str) -> bytes:
    """Return a first policy file; every line that begins with `# ` and a key may be uncommented.

    Args:
        name: Name of the policy.
        pack: The shipped pack that it extends.
        file: Where the policy will be written, for its own advice.

    Raises:
        UsageError: No shipped pack has that name, or the policy has the name of one.
    """
    if shipped.pack(pack) is None:
        unknown = unknown_pack(pack, Place())
        raise UsageError("--from", unknown.problem, unknown.hint.partition(";")[0])
    if name in shipped.pack_names():
        raise UsageError("--name", f"`{name}` is the name of a shipped pack", "findings must tell the two apart")
    params = "\n".join(f"#   {key}: {_written(value)}" for key, value in numbers(pack).items())
    description = f"What ships from {name}"
    return _TEXT.format(name=_quoted(name), pack=pack, file=file, description=description, params=params).encode()


def numbers(pack: str) -> dict[str, Any]:
    """Return the params of a shipped pack, those that it inherits included."""
    data = shipped.pack(pack)
    assert data is not None
    (document,) = parse(data, shipped_file(pack))
    found: dict[str, Any] = {}
    for parent in document.value.get("extends", []):
        found.update(numbers(parent["pack"]))
    found.update(document.value.get("params", {}))
    return found


def _quoted(name: str) -> str:
    return name if resolve(name) == name else f'"{name}"'


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

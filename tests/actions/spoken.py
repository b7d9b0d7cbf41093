"""What a step says to its runner: files of commands, and commands in the log."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"\r\n|\r|\n")
_OLD = re.compile(r"##\[([^\] ]+)([^\]]*)\](.*)$")
_KNOWN = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command that the runner obeys, such as an annotation."""

    name: str
    properties: dict
    data: str


def assignments(text):
    """Read a file of `NAME=value` lines and of heredocs, as the runner reads GITHUB_OUTPUT and GITHUB_ENV."""
    found, lines = {}, iter(_LINE.split(text))
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, end = line.split("<<", 1)
            found[name] = "\n".join(_until(lines, end))
        elif equals > 0:
            found[line[:equals]] = line[equals + 1 :]
        else:
            assert not line, f"Unable to process file command: Invalid format '{line}'"
    return found


def _until(lines, end):
    assert end, "Unable to process file command: no delimiter"
    for line in lines:
        if line == end:
            return
        yield line
    raise AssertionError(f"Unable to process file command: Matching delimiter not found '{end}'")


def commands(log):
    """List the commands that the runner obeys in a log, those between stop-commands and its token left out."""
    found, token = [], ""
    for line in _LINE.split(log):
        command = _command(line, _KNOWN | {token})
        if token:
            token = "" if command and command.name == token else token
        elif command and command.name == "stop-commands":
            token = command.data
        elif command:
            found.append(command)
    assert not token, "the log ends while commands are stopped"
    return found


def _command(line, known):
    text, old = line.lstrip(), _OLD.search(line)
    end = text.find("::", 2) if text.startswith("::") else -1
    if end > 0:
        name, _, words = text[2:end].partition(" ")
        return Command(name, _properties(words, ","), _plain(text[end + 2 :])) if name in known else None
    return Command(old[1], _properties(old[2], ";"), _plain(old[3])) if old and old[1] in known else None


def _properties(words, comma):
    pairs = (pair.strip().split("=", 1) for pair in words.split(comma) if "=" in pair)
    return {name: _plain(value).replace("%3A", ":").replace("%2C", ",") for name, value in pairs}


def _plain(text):
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")

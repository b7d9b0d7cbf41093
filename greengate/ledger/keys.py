"""The key that signs a ledger's checkpoints: from a file, the environment, or a command of a key service."""

from __future__ import annotations

import shlex
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from greengate.errors import HistoryError, UsageError
from greengate.ledger import notes
from greengate.ledger.notes import Signer, Verifier
from greengate.ledger.signing import Refused, SigningKey

LEDGER = "GREENGATE_LEDGER_KEY"
_COMMAND_S = 60.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAKE = "`greengate ledger key new FILE --origin NAME` makes one"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a key is; one of the first three is given, or none.

    Attributes:
        file: Its file, PKCS #8 in PEM.
        pem: The PEM itself.
        command: A command that gets bytes on standard input and prints their signature in base64.
        public: The verifier key of that command.
        variable: How the variables of the environment begin that may hold all this.
        ask: Asks for the password of a key that is locked by one.
    """

    file: str = ""
    pem: str = field(default="", repr=False)
    command: str = ""
    public: str = ""
    variable: str = LEDGER
    ask: Callable[[], str] | None = None

    def __bool__(self) -> bool:
        return bool(self.file or self.pem or self.command)

    @property
    def name(self) -> str:
        """What people call the place."""
        return self.file or (self.variable if self.pem else f"{self.variable}_COMMAND")

    @property
    def origin(self) -> str:
        """The ledger's name, where the place of the key tells it already."""
        return verifier(self.public, f"{self.variable}_PUBLIC").name if self.public else ""


class _Held:
    """A private key that this process has read."""

    def __init__(self, origin: str, key: SigningKey) -> None:
        self.verifier = Verifier(origin, key.raw)
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class _Asked:
    """A private key that a key service keeps, which a command asks to sign."""

    def __init__(self, where: Where, key: Verifier) -> None:
        self.verifier = key
        self._where = where
        self._words = shlex.split(where.command)

    def sign(self, data: bytes) -> bytes:
        where = self._where.name
        try:
            done = subprocess.run(self._words, input=data, capture_output=True, timeout=_COMMAND_S, check=False)
            signature = notes.decoded(done.stdout.decode("ascii", "replace").strip(), "what it prints")
        except OSError as error:
            raise UsageError(where, f"`{self._words[0]}` cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise HistoryError(where, f"it gave no signature within {_COMMAND_S:.0f} s", "run it by hand") from error
        except Refused as refused:
            raise HistoryError(where, _failure(done, str(refused)), "it prints a signature in base64") from refused
        if done.returncode:
            raise HistoryError(where, _failure(done, ""), "run it by hand")
        if not self.verifier.stands_for(signature, data):
            problem = f"what it prints is no signature by {self.verifier}, which {self._where.variable}_PUBLIC names"
            raise HistoryError(where, problem, "Ed25519 over the bytes themselves, not over a hash of them")
        return signature


def signer(where: Where, origin: str) -> Signer:
    """Return what signs in a ledger's name.

    Raises:
        UsageError: There is no key, more than one, or one that cannot be used.
    """
    given = [name for name, one in _named(where) if one]
    if len(given) != 1:
        problem = f"the key is given by {' and by '.join(given)}" if given else "no key is given"
        whose = "the ledger's key" if where.variable == LEDGER else "one's own key"
        raise UsageError(whose, problem, "one of them is enough" if given else _MAKE)
    if where.command:
        return _Asked(where, _public(where, origin))
    try:
        notes.refuse_name(origin)
        return _Held(origin, SigningKey.read(_pem(where), where.ask))
    except Refused as refused:
        raise UsageError(where.name, str(refused), _MAKE) from refused


def exposed(where: Where) -> str:
    """Warn of a key's file that others than its owner may read; "" where there is none."""
    try:
        mode = stat.S_IMODE(Path(where.file).stat().st_mode) if where.file else 0
    except OSError:
        return ""
    return f"{where.file}: others than its owner may read this key (mode {mode:03o})" if mode & _OTHERS else ""


def verifier(text: str, where: str) -> Verifier:
    """Read a verifier key that a person gave.

    Raises:
        UsageError: It is none.
    """
    try:
        return Verifier.parse(text.strip())
    except Refused as refused:
        hint = "give what `greengate ledger key new` printed: `name+id+key`"
        raise UsageError(where, str(refused), hint) from refused


def _named(where: Where) -> tuple[tuple[str, str], ...]:
    return (
        (f"--key or {where.variable}_FILE", where.file),
        (where.variable, where.pem),
        (f"{where.variable}_COMMAND", where.command),
    )


def _pem(where: Where) -> bytes:
    try:
        return Path(where.file).read_bytes() if where.file else where.pem.encode()
    except OSError as error:
        raise UsageError(where.file, f"the key cannot be read: {error.strerror}", _MAKE) from error


def _public(where: Where, origin: str) -> Verifier:
    command, public = f"{where.variable}_COMMAND", f"{where.variable}_PUBLIC"
    if not where.public:
        hint = f"its verifier key, `name+id+key`, is given as {public}"
        raise UsageError(command, "nothing says whose signatures this command makes", hint)
    key = verifier(where.public, public)
    if key.name != origin:
        raise UsageError(public, f"it is a key of {key.name}, and this ledger is {origin}")
    if not shlex.split(where.command):
        raise UsageError(command, "there is no command in it")
    return key


def _failure(done: subprocess.CompletedProcess[bytes], otherwise: str) -> str:
    said = done.stderr.decode("utf-8", "replace").strip()[-300:]
    told = "".join(sign if sign.isprintable() else " " for sign in said)
    return f"it failed with {done.returncode}: {told}" if done.returncode else otherwise

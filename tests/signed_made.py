"""Ledgers with a key, for the tests of whatever signs, proves and verifies them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from greengate.ledger import checkpoints, merkle, proving
from greengate.ledger.canonical import digest, encode
from greengate.ledger.checkpoints import Checkpoint
from greengate.ledger.keys import Where
from greengate.ledger.notary import Notary
from greengate.ledger.notes import Verifier
from greengate.ledger.signing import SigningKey
from greengate.ledger.store import Store, Stored
from greengate.ledger.witness import Witness
from greengate.records import Retirement, statement

ORIGIN = "example.com/greengate"
AT = "2026-11-21T10:00:00Z"


def private(number=1):
    """A key that is the same in every run."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


class Held:
    """A signer by a key of this process."""

    def __init__(self, number=1, origin=ORIGIN):
        self._key = private(number)
        self.verifier = Verifier(origin, self._key.raw)

    def sign(self, data):
        return self._key.sign(data)


def where(number=1):
    return Where(pem=private(number).pem().decode())


def leaf(number, at=AT):
    """A record like any other."""
    return encode(statement(Retirement(at=at, model=f"m{number}", why="made"), f"m{number}", ""))


def made(folder, count=0, name="history.db"):
    store = Store(folder / name)
    store.append_all([(leaf(number), None) for number in range(count)])
    return store


def notary(store, number=1, origin=ORIGIN, **more):
    return Notary(store, where(number), origin, Witness.beside(str(store.place)), **more)


def signed(folder, count, name="history.db"):
    """A ledger of some entries and its first key, signed."""
    store = made(folder, count, name)
    notary(store).sign(AT)
    return store


def tree(leaves):
    """Tell nodes of a tree of leaves, and its root."""
    found, frontier = {}, merkle.Frontier()
    for one in leaves:
        found |= {(level, index): node for level, index, node in frontier.append(merkle.leaf_hash(one))}
    return (lambda level, index: found[level, index]), frontier.root


def note_of(leaves, signer=None, origin=ORIGIN):
    """The checkpoint of a ledger of these leaves."""
    return checkpoints.signed(Checkpoint(origin, len(leaves), tree(leaves)[1]), signer or Held()).note


def stored(leaves):
    """Leaves as entries, one after the other."""
    return [Stored(index, digest(one), one) for index, one in enumerate(leaves)]


def receipt(store, index=0):
    return bytes(proving.receipt(store, store.stored(index), store.checkpoint()[1]))

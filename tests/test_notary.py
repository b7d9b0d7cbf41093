"""Nothing is signed that does not follow from what was signed before."""

import shutil

import pytest
from ledgers_made import raw
from signed_made import AT, ORIGIN, Held, leaf, made, notary, note_of, signed, where

from greengate.errors import HistoryError, UsageError
from greengate.ledger import checkpoints, reigns
from greengate.ledger.notary import Notary
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness

KNOWN = [Held(1).verifier, Held(2).verifier]


@pytest.fixture
def ledger(tmp_path):
    store = signed(tmp_path, 5)
    yield store
    store.close()


def witness(store):
    return Witness.beside(str(store.place)).path


def signed_of(store):
    return checkpoints.opened(store.checkpoint()[1], KNOWN).checkpoint


def test_the_first_checkpoint_introduces_the_key(ledger):
    assert ledger.size() == 6
    assert ledger.stored(5).leaf == reigns.first(Held().verifier, AT)
    assert (signed_of(ledger).size, signed_of(ledger).root) == (6, ledger.head().root)


def test_it_is_kept_inside_and_outside(ledger):
    assert witness(ledger).read_bytes() == ledger.checkpoint()[1]
    assert [path.name for path in sorted(witness(ledger).parent.iterdir())] == [
        "history.db", "history.db.checkpoint", "history.db.checkpoint.lock", "history.db.lock",
    ]  # fmt: skip


def test_signing_again_without_new_entries_is_the_same_note(ledger):
    before = witness(ledger).read_bytes()
    assert notary(ledger).sign(AT).note == before
    assert ledger.size() == 6


def test_a_ledger_that_grew_is_signed(ledger):
    ledger.append(leaf(9))
    assert notary(ledger).sign(AT).checkpoint.size == 7


def test_a_head_that_does_not_follow_from_the_entries_is_not_signed(ledger):
    before = witness(ledger).read_bytes()
    with raw(ledger.place) as execute:  # as whoever may append can
        execute("UPDATE ledger_head SET frontier = ?", (b"x" * 64,))
    with pytest.raises(HistoryError, match="its head is damaged: it does not follow from its 6 entries"):
        notary(ledger).sign(AT)
    assert (witness(ledger).read_bytes(), ledger.checkpoint()[1]) == (before, before)


def restored(ledger, tmp_path, *more):
    """Grow and sign a ledger, then put back what it was before, with other entries."""
    shutil.copy(ledger.place, tmp_path / "backup.db")
    ledger.append(leaf(9))
    notary(ledger).sign(AT)
    shutil.copy(witness(ledger), tmp_path / "backup.db.checkpoint")
    store = Store(tmp_path / "backup.db")
    for one in more:
        store.append(one)
    return store


def test_a_restored_backup_is_refused_with_both_sizes_and_roots(ledger, tmp_path):
    store = restored(ledger, tmp_path)
    old, new = signed_of(store), signed_of(ledger)
    with pytest.raises(HistoryError) as told:
        notary(store)
    assert told.value.problem == f"{new.words}, were signed, and {store.place} has {old.words}"
    assert told.value.hint.startswith("a backup was restored, or entries were taken away")
    store.close()


def test_a_fork_is_refused_however_long_it_is(ledger, tmp_path):
    store = restored(ledger, tmp_path, leaf(10), leaf(11), leaf(12))
    with pytest.raises(HistoryError, match=r"7 entries, root \S+, were signed, and the first 7 entries have the root"):
        notary(store)
    assert store.checkpoint()[0] == 6
    store.close()


def test_a_fork_that_comes_between_is_refused_too(ledger, tmp_path):
    held = notary(ledger)
    other = made(tmp_path, 9, "other.db")
    witness(ledger).write_bytes(notary(other).sign(AT).note)
    with pytest.raises(HistoryError, match="10 entries, root"):
        held.sign(AT)
    other.close()


def test_a_key_that_is_not_the_ledgers_is_refused(ledger):
    with pytest.raises(UsageError, match=r"the key .* is not that of this ledger, which is"):
        notary(ledger, 2)


def test_a_key_that_was_replaced_meanwhile_signs_nothing_more(ledger):
    early = notary(ledger)
    notary(ledger).hand_over(Held(2).verifier, AT, "")
    with pytest.raises(UsageError, match=r"the key .* was replaced by"):
        early.sign(AT)
    assert signed_of(ledger).size == 6


def test_two_that_begin_at_once_give_a_ledger_one_key(tmp_path):
    store = made(tmp_path, 1)
    first, second = notary(store), notary(store, 2)
    first.sign(AT)
    with pytest.raises(UsageError, match="is not that of this ledger"):
        second.sign(AT)
    assert store.size() == 2
    store.close()


def test_a_witness_that_is_a_link_stays_one(ledger, tmp_path):
    elsewhere = tmp_path / "other" / "checkpoint"
    elsewhere.parent.mkdir()
    witness(ledger).rename(elsewhere)
    witness(ledger).symlink_to(elsewhere)
    ledger.append(leaf(9))
    note = notary(ledger).sign(AT).note
    assert (witness(ledger).is_symlink(), elsewhere.read_bytes()) == (True, note)


def test_a_witness_that_cannot_be_written_leaves_nothing_behind(ledger, tmp_path):
    target = tmp_path / "taken"
    (target / "x").mkdir(parents=True)
    with pytest.raises(HistoryError, match="the last checkpoint cannot be read or written"):
        Witness(target).write(b"x")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_another_name_is_refused(ledger):
    with pytest.raises(UsageError, match=r"this ledger is example\.com/greengate, and not other\.example"):
        notary(ledger, origin="other.example")


def test_a_ledger_needs_a_name_once(tmp_path, ledger):
    store = made(tmp_path, 1, "new.db")
    with pytest.raises(UsageError, match="this ledger has no name yet"):
        notary(store, origin="")
    assert notary(ledger, origin="").origin == ORIGIN
    store.close()


def test_a_lost_file_of_the_last_checkpoint_is_told_and_begun_again_on_demand(ledger):
    witness(ledger).unlink()
    with pytest.raises(UsageError, match="signed at 6 entries, and the last checkpoint is not here any more"):
        notary(ledger)
    assert notary(ledger, fresh=True).sign(AT).checkpoint.size == 6
    assert witness(ledger).is_file()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this is no checkpoint of the ledger: it is no signed note"),
        (note_of([leaf(0)], origin="other.example"), r"this checkpoint is of other\.example, and the ledger is"),
        (note_of([leaf(0)], Held(3)), r"signed by example\.com/greengate\+\w{8}, and by no key that is known"),
        (note_of([leaf(1)]), "1 entry, root .* were signed, and the first 1 entries have the root"),
    ],
    ids=["empty", "another ledger's", "another key's", "a fork"],
)
def test_a_file_of_the_last_checkpoint_that_does_not_fit_is_told(ledger, data, words):
    witness(ledger).write_bytes(data)
    with pytest.raises((HistoryError, UsageError), match=words):
        notary(ledger)


def test_the_files_checkpoint_may_be_an_older_one(ledger):
    witness(ledger).write_bytes(note_of([one.leaf for one in ledger.entries(0, 2)]))
    assert notary(ledger).sign(AT).checkpoint.size == 6


def test_a_ledger_on_a_server_needs_a_file_that_is_named():
    with pytest.raises(UsageError, match="nothing says where the last checkpoint is kept outside this database"):
        Witness.beside("postgresql://me@host/db")


def test_a_file_that_cannot_be_written_is_told(ledger, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="the last checkpoint cannot be read or written: Not a directory"):
        Notary(ledger, where(), "", Witness(tmp_path / "file" / "c"))


def test_a_new_key_is_signed_by_the_old_one_which_signs_no_more(ledger):
    notary(ledger).hand_over(Held(2).verifier, AT, "every year")
    assert notary(ledger, 2).sign(AT).by == (Held(2).verifier,)
    with pytest.raises(UsageError, match="was replaced by"):
        notary(ledger, 1)


def test_a_key_that_was_changed_meanwhile_hands_nothing_over(ledger):
    held = notary(ledger)
    notary(ledger).hand_over(Held(2).verifier, AT, "")
    with pytest.raises(UsageError, match="was replaced by"):
        held.hand_over(Held(3).verifier, AT, "")


def test_two_notaries_sign_by_turns(ledger):
    one, other = notary(ledger), notary(ledger)
    ledger.append(leaf(8))
    assert one.sign(AT).checkpoint.size == 7
    ledger.append(leaf(9))
    assert other.sign(AT).checkpoint.size == 8

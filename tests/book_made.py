"""Accounts, claims and whole processes for the tests of the book of budgets."""

import multiprocessing
import os
import signal
from contextlib import contextmanager
from datetime import UTC, datetime

from greengate.accounts import Account, Claim, Note
from greengate.balances import Granted
from greengate.ledger import book

NLP = Account("prod/carbon", "team=nlp", "2026-Q4", "ugCO2e")
ALL = Account("prod/carbon", "", "2026-Q4", "ugCO2e")
MONEY = Account("prod/money", "team=nlp", "2026-Q4", "uEUR")
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
NOTE = Note("ci", MONDAY, "a test")
CROWD = multiprocessing.get_context("spawn")  # as a fork would share the connection


def claim(amount, account=NLP, model="m", most=100):
    return Claim(account, model, amount, most)


def together(work, place, workers, *rest):
    """Let so many processes do `work(place, worker, *rest)` at once; what each of them returned."""
    start, answers = CROWD.Barrier(workers), CROWD.Queue()
    crowd = [CROWD.Process(target=_one, args=(work, start, answers, place, one, *rest)) for one in range(workers)]
    for process in crowd:
        process.start()
    done = [answers.get(timeout=300) for _ in crowd]
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * workers
    return done


def _one(work, start, answers, place, worker, *rest):
    try:
        start.wait(60)
        answers.put(work(place, worker, *rest))
    except BaseException:
        answers.put([])
        raise


def grab(place, worker, count, most):
    """Reserve 1 to 7 units again and again, each for another change; (change, amount, whether it was granted)."""
    told = []
    with book.opened(place) as kept:
        for number in range(count):
            change, amount = f"acme/w{worker}#{number + 1}", (worker + number) % 7 + 1
            granted = isinstance(kept.reserve(change, [claim(amount, most=most)], NOTE), Granted)
            told.append((change, amount, granted))
    return told


def grab_two(place, worker, count, most):
    """Reserve in two accounts at once, named in either order, and let every third go again."""
    granted = []
    with book.opened(place) as kept:
        for number in range(count):
            change, order = f"acme/w{worker}#{number + 1}", (NLP, ALL) if worker % 2 else (ALL, NLP)
            answer = kept.reserve(change, [claim(1, account, most=most) for account in order], NOTE)
            if number % 3 == 0:
                kept.release(change, NOTE)
            elif isinstance(answer, Granted):
                granted.append(change)
    return granted


def rerun(place, worker, count):
    """Check one change again and again, each time with another amount; the last that was granted."""
    with book.opened(place) as kept:
        for number in range(count):
            amount = worker * count + number
            kept.reserve("acme/x#1", [claim(amount, NLP, most=10**6), claim(amount, ALL, most=10**6)], NOTE)
    return amount


def die(place, writes):
    """Reserve in two accounts, and be killed after so many statements that write."""
    with book.opened(place) as kept:
        kept.keeper = Deadly(kept.keeper, writes)
        kept.reserve("acme/x#9", [claim(5, NLP), claim(5, ALL)], NOTE)


class Deadly:
    """Keeps a book until so much was written, and then kills its process."""

    def __init__(self, keeper, writes):
        self.keeper, self.left, self.for_update, self.where = keeper, writes, keeper.for_update, keeper.where

    @contextmanager
    def writing(self, change=""):
        with self.keeper.writing(change) as execute:

            def counted(statement, *values):
                rows = execute(statement, *values)
                self.left -= not statement.startswith("SELECT")
                if self.left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return rows

            yield counted

    def close(self):
        self.keeper.close()


def hammer(place, told):
    """Reserve for one change after the other for ever, and tell of each that was acknowledged."""
    with book.opened(place) as kept:
        for number in range(1, 10**6):
            kept.reserve(f"acme/h{os.getpid()}#{number}", [claim(1, most=10**9)], NOTE)
            told.send(f"acme/h{os.getpid()}#{number}")

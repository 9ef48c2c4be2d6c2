"""Ctrl-C at any line of the bank: nothing is lost or doubled, and whoever asks again is served."""

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from random import Random

import psycopg
import pytest
from rounds import rounds
from town import (
    ANNA,
    BAKERY,
    BERT,
    CARL,
    KEYS,
    KIOSK,
    NOBODY,
    cancellation,
    eur,
    found,
    order,
    picture,
    reversal,
)

import paybench.bank
from paybench.bank import (
    AccountExistsError,
    Bank,
    Batch,
    Capture,
    Held,
    Mode,
    Restriction,
    SettlementIds,
    StorageError,
)
from paybench.bank.storage.sqlite import SqliteStorage

(ROOT,) = paybench.bank.__path__
ESCROWED = Restriction(cooling_off_s=10, held=Held.ESCROW)
DUE_NS = 100 * 10**9


class Cut(BaseException):
    """As when somebody presses Ctrl-C."""


def lines_until(line: int, ask: Callable[[], object]) -> int:
    """Ask, interrupted at a line of the bank's code; how many lines it came to."""
    seen = 0

    def at_line(_frame, event, _):
        nonlocal seen
        if event == "line":
            seen += 1
            if seen == line:
                raise Cut
        return at_line

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: at_line if frame.f_code.co_filename.startswith(ROOT) else None)
    try:
        with suppress(Cut):
            ask()
    finally:
        sys.settrace(before)
    return seen


def small(number: int, payee=BAKERY):
    return order(f"small {number}", eur("0.10"), number, payee=payee)


def busy(bank: Bank) -> None:
    """Have something of each kind, some of it under way."""
    bank.settle(order("paid", eur("1"), 1, payee=KIOSK), 1)
    bank.settle(order("cool", eur("1"), 2, payee=KIOSK, restriction=Restriction(10)), 1)
    bank.settle(order("escrow", eur("1"), 3, payee=KIOSK, restriction=ESCROWED), 1)
    bank.authorise(order("hold", eur("2"), 4, payee=KIOSK), 1, hold_s=20)
    bank.deposit()
    bank.settle_many([small(10), small(11, KIOSK), small(12), small(13, CARL)], 1)


def add_server(bank: Bank) -> None:
    if len(bank.servers()) == 1 + 3:
        bank.add_server()
    while bank.move_accounts(2):
        pass


def open_account(bank: Bank) -> None:
    with suppress(AccountExistsError):
        bank.open_account(NOBODY, "Nobody")


CAPTURE = Capture.signed(KEYS[KIOSK], settlement_id="hold", payee=KIOSK, amount=eur("1.50"))
ASKED = {
    "settle": lambda bank: bank.settle(small(20), 2),
    "refuse": lambda bank: bank.settle(order("much", eur("100"), 20), 2),
    "settle many": lambda bank: bank.settle_many([small(20), small(21, KIOSK)], 2),
    "settle linked": lambda bank: bank.settle_many([small(20), small(21)], 2, Mode.ATOMIC),
    "begin": lambda bank: (
        bank.begin_batches([Batch([small(20)], 2)]),
        bank.begin_batches([Batch([small(21)], 2)]),
        bank.end_batches(),
    ),
    "cool off": lambda bank: bank.settle(
        order("cool too", eur("0.50"), 20, payee=KIOSK, restriction=Restriction(10)), 2
    ),
    "authorise": lambda bank: bank.authorise(small(20, KIOSK), 2, hold_s=20),
    "capture": lambda bank: bank.capture(CAPTURE, 2),
    "void": lambda bank: bank.reverse(reversal("hold"), 2),
    "cancel": lambda bank: bank.cancel(cancellation("cool"), 2),
    "cancel in escrow": lambda bank: bank.cancel(cancellation("escrow"), 2),
    "reverse": lambda bank: bank.reverse(reversal("paid"), 2),
    "reverse beforehand": lambda bank: bank.reverse(reversal("to come"), 2),
    "deposit": lambda bank: bank.deposit(),
    "deposit some": lambda bank: bank.deposit(2),
    "mature": lambda bank: bank.mature(DUE_NS),
    "fund": lambda bank: bank.fund(BERT, eur("3"), "raise", 2),
    "open account": open_account,
    "close account": lambda bank: bank.close_account(CARL),
    "mark particular": lambda bank: bank.mark_particular(BAKERY),
    "checkpoint": lambda bank: bank.checkpoint(),
    "add server": add_server,
}


def in_the_end(bank: Bank) -> dict[str, str]:
    """Everything that is there when all is deposited and nothing is pending any more."""
    bank.mature(DUE_NS)
    bank.deposit()
    assert bank.audit() is None
    return picture(bank)


def patiently(ask: Callable[[Bank], object], bank: Bank) -> None:
    """Ask until there is an answer: each of a bank's servers may fail once."""
    for _ in range(5):
        try:
            ask(bank)
        except StorageError:
            continue
        return
    ask(bank)


@pytest.mark.parametrize("asked", ASKED)
def test_does_it_once_however_it_was_interrupted(founded_on_3, tmp_path, asked):
    """Interrupted at some line, reopened or not, and asked again: as if it never was."""
    ask, numbers = ASKED[asked], count()
    with Bank(SqliteStorage(shutil.copytree(founded_on_3, tmp_path / "busy"))) as bank:
        busy(bank)

    def copy() -> SqliteStorage:
        return SqliteStorage(shutil.copytree(tmp_path / "busy", tmp_path / str(next(numbers))))

    with Bank(copy()) as bank:
        lines = lines_until(0, lambda: ask(bank))
        expected = in_the_end(bank)
    chance = Random(asked)  # noqa: S311 - which lines
    for line in chance.sample(range(1, lines), min(rounds(8), lines - 1)):
        for reopens in (False, True):
            storage = copy()
            bank = Bank(storage)
            lines_until(line, lambda bank=bank: ask(bank))
            if reopens:
                bank.close()
                bank = Bank(SqliteStorage(storage._folder))
            patiently(ask, bank)
            assert in_the_end(bank) == expected, f"line {line}, reopened: {reopens}"
            bank.close()
            shutil.rmtree(storage._folder)


def test_knows_when_it_was_interrupted_what_is_due(bank):
    """Interrupted before it has looked what is due next, the bank does that in time, and once."""

    def cut():
        raise Cut

    def interrupted(ask):
        bank._watch_due = cut
        with pytest.raises(Cut):
            ask()
        del bank._watch_due

    cooling = order("cool", eur("1"), 1, payee=KIOSK, restriction=Restriction(10))
    interrupted(lambda: bank.settle(cooling, 1))
    assert bank.settle(order("s1", eur("1"), 2), DUE_NS).settled
    assert bank.available(KIOSK) == eur("1")
    bank.authorise(order("hold", eur("2"), 3, payee=KIOSK), DUE_NS, hold_s=20)
    interrupted(lambda: bank.capture(CAPTURE, DUE_NS))
    assert bank.mature(2 * DUE_NS) == 0
    assert bank.next_due_ns() is None
    assert bank.audit() is None


@pytest.mark.parametrize("reopened", ["postgres 3"], indirect=True)
@pytest.mark.parametrize("answers", range(1, 8))
def test_waits_for_no_answer_that_cannot_come(reopened, monkeypatch, answers):
    """Interrupted while psycopg hears what became of a transaction, the bank connects anew."""
    process, heard = psycopg.Pipeline._process_results, count(1)

    def cut(pipeline, queued, results):
        if next(heard) == answers:
            raise Cut
        process(pipeline, queued, results)

    with found(reopened()) as bank:
        monkeypatch.setattr(psycopg.Pipeline, "_process_results", cut)
        with pytest.raises((Cut, StorageError)):
            bank.settle(order("s1", eur("1"), 1), 1)
        monkeypatch.undo()
        patiently(lambda bank: bank.settle(order("s1", eur("1"), 1), 1), bank)
        assert bank.balance(ANNA) == eur("9")
        assert bank.audit() is None


SQL = ["sqlite", "processes 2", "postgres 3"]


@pytest.mark.parametrize("reopened", SQL, indirect=True)
def test_knows_what_was_logged_when_it_was_interrupted(reopened):
    """Interrupted between the disk and its own notice, a log looks how far it goes, and in it."""
    ids = SettlementIds(Random(1).getrandbits)  # noqa: S311 - no secret
    first, second = ids.next(10**9), ids.next(10**9)  # such ids are new, if they are after the end
    with found(reopened()) as bank:
        log = bank._books.log
        before, here = log.logged_to, getattr(log, "_here", log)

        def cut(_):
            raise Cut

        here.note = cut
        with pytest.raises(Cut):
            bank.settle(order(first, eur("1"), 1), 1)
        del here.note
        assert bank.inquire(first).settled
        assert log.logged_to == before + 1
        assert bank.settle(order(first, eur("1"), 1), 1).settled
        assert bank.settle(order(second, eur("1"), 2), 1).settled
        assert log.logged_to == before + 2
        assert bank.audit() is None


@pytest.mark.parametrize("reopened", ["sqlite", "postgres 3"], indirect=True)
def test_goes_on_from_what_a_server_has_when_it_was_interrupted(reopened):
    """Interrupted when a change is written, and nothing knows it yet, it is not written twice."""
    with found(reopened()) as bank:
        assert bank.settle(order("s1", eur("1"), 1), 1).settled
        server = bank._books.followers[bank._books.must_find(BAKERY).server].server
        written = getattr(server, "file", None) or server.connection

        def cut(*steps, on_disk):
            type(written).write(written, *steps, on_disk=on_disk)
            raise Cut

        written.write = cut
        with pytest.raises(Cut):
            bank.checkpoint()
        del written.write
        assert bank.settle(order("s2", eur("1"), 2), 1).settled
        assert bank.balance(ANNA) == eur("8")
        assert bank.audit() is None

"""What a storage promises to a bank, on every storage."""

import pytest
from msgspec.structs import replace
from town import ANNA, BAKERY, BERT, CARL, KEYS, KIOSK

from paybench.bank import (
    AccountNumber,
    DataFile,
    Held,
    Kind,
    LogRecord,
    Money,
    Reason,
    ReplayWindow,
    Restriction,
    StorageError,
)
from paybench.bank.storage import Change, Standing
from paybench.bank.storage.line import entry_of, line_of
from paybench.bank.storage.standing import ALL_ARRIVED

FIRST = LogRecord(
    *(1, "s1", ANNA, BAKERY, Money(250, "EUR"), 7, b"signed", None, 750, 10**9, Kind.PROVISORY),
    restriction=Restriction(cooling_off_s=5, held=Held.ESCROW),
    held=Held.ESCROW,
    due_ns=6 * 10**9,
)
SECOND = replace(
    FIRST, number=2, settlement_id="s2", payee=KIOSK, restriction=None, held=None, due_ns=None,
    kind=Kind.SETTLED,
)  # fmt: skip
ANNAS = DataFile(
    ANNA.place, "Anna", KEYS[ANNA], 500, ReplayWindow(9, 5), 20, proofs=ReplayWindow(3, 1)
)
LINES = [
    (3, None, ANNA.place, "s1", BAKERY.place, -250, 750, 10**9, Kind.PROVISORY, 0),
    (6, 3, ANNA.place, "s2", KIOSK.place, -250, 500, 10**9, Kind.SETTLED, 20),
]


def test_gives_back_each_record_as_it_was_written(reopened):
    """Every field of a log record outlives the object, and the log is read in order."""
    records = [FIRST, SECOND, replace(SECOND, number=3, settlement_id="s3", reason=Reason.LINKED)]
    log = reopened().log
    log.append(records[:2])
    log.append(records[2:])
    log = reopened().log
    assert log.logged_to == 3
    assert list(log.records(0)) == records
    assert list(log.records(1)) == records[1:]
    assert [log.record(name) for name in ("s1", "s3", "s4")] == [records[0], records[2], None]


BODY = {"number": 3, "settlement_id": "s3"}


@pytest.mark.parametrize(
    "records",
    [
        [replace(SECOND, number=3)],
        [replace(SECOND, **BODY), replace(SECOND, number=4, settlement_id="s3")],
        [replace(FIRST, number=3, follows=1), replace(FIRST, number=4, follows=1)],
        [replace(SECOND, **BODY), replace(SECOND, number=4)],
    ],
    ids=["id in the log", "id twice in a group", "two successors", "second of a group"],
)
def test_doubles_no_id_whatever_the_bank_asks(storage, records):
    """The engine itself refuses a second beginning or end, and writes nothing of the group."""
    storage.log.append([FIRST, SECOND])
    with pytest.raises(StorageError, match="UNIQUE"):
        storage.log.append(records)
    assert storage.log.logged_to == 2
    assert len(list(storage.log.records(0))) == 2
    storage.log.append([replace(SECOND, **BODY)])


def test_knows_what_is_due(reopened):
    """Of the pending records the one due first is given, of two the older, until it has an end."""
    early = replace(FIRST, number=2, settlement_id="s2", due_ns=10**9)
    same = replace(early, number=3, settlement_id="s3")
    reopened().log.append([FIRST, early, same])
    log = reopened().log
    in_order = [early, same, FIRST]
    for number, expected in enumerate(in_order, 4):
        rest = in_order[number - 4 :]
        assert (log.due(1), log.due(2), log.due(9)) == (rest[:1], rest[:2], rest)
        log.append([expected.successor(number, Kind.FORMAL, 1, payer_balance_minor=0)])
    assert log.due(9) == []


def test_gives_back_a_change_as_it_was_written(reopened):
    """Account, history and standing outlive the object, written in one step."""
    server = reopened().servers[0]
    server.add(
        [replace(ANNAS, balance_minor=0, blocked_minor=0), DataFile(BERT.place, "Bert", None)]
    )
    # A key, a name and a date of birth are no part of a change.
    annas = replace(ANNAS, newest=6, particular_since=1)
    standing = Standing(2, 1, -500)
    server.write(Change([annas], LINES, standing))
    server.keep_proofs(ANNA, ReplayWindow(4, 3))
    server = reopened().servers[0]
    assert server.standing == standing
    assert server.data_file(ANNA) == replace(annas, proofs=ReplayWindow(4, 3))
    assert server.data_file(CARL) is None
    assert server.numbers() == [ANNA, BERT]
    assert server.total_minor() == 500
    assert server.lines(6, 9) == LINES[::-1]
    assert server.lines(6, 1) == LINES[1:]
    assert (server.lines(6, 0), server.lines(None, 9)) == ([], [])


def test_keeps_auxiliary_files_apart(reopened):
    """An account may have a main and an auxiliary file on one server, each with its balance."""
    server = reopened().servers[0]
    server.add([DataFile(ANNA.place, "Anna", None), DataFile(BERT.place, "Bert", None)])
    auxiliary = DataFile(ANNA.place, "", None, 30, newest=3, auxiliary=True)
    main = DataFile(ANNA.place, "Anna", None, 5, particular_since=0)
    for balance_minor in (20, 30):
        now = replace(auxiliary, balance_minor=balance_minor)
        server.write(Change([main, now], [], Standing()))
    server = reopened().servers[0]
    assert server.particular() == [main, auxiliary]
    assert (server.data_file(ANNA), server.total_minor()) == (main, 35)
    assert server.numbers() == [ANNA, BERT]


def test_moves_accounts_with_their_histories(reopened):
    """What arrives on one server and leaves another is the same account, and the rest stays."""
    storage = reopened()
    here = storage.servers[0]
    here.add([replace(ANNAS, balance_minor=0, blocked_minor=0), DataFile(BERT.place, "Bert", None)])
    berts = (9, None, BERT.place, "s3", ANNA.place, 0, 0, 5, Kind.SETTLED, 0)
    here.write(Change([replace(ANNAS, newest=6), DataFile(BERT.place, "Bert", None, newest=9)],
                      [*LINES, berts], Standing(3, 3, -500)))  # fmt: skip
    there = storage.add_server()
    count = len(storage.servers)
    assert there.standing == Standing(arrived_to=-1)
    there.arrive(
        [here.data_file(ANNA)], here.lines(6, ALL_ARRIVED), Standing(3, 3, -500, ANNA.place)
    )
    here.leave([ANNA], Standing(3, 3, 0))
    storage = reopened()
    here, there = storage.servers[0], storage.servers[-1]
    assert len(storage.servers) == count
    assert (here.numbers(), there.numbers()) == ([BERT], [ANNA])
    assert there.data_file(ANNA) == replace(ANNAS, newest=6)
    assert there.lines(6, 9) == LINES[::-1]
    assert (here.lines(9, 9), here.lines(9, 1)) == ([berts], [berts])
    assert (here.standing, there.standing) == (Standing(3, 3), Standing(3, 3, -500, ANNA.place))


def test_adds_all_accounts_or_none(storage):
    """Accounts are opened together, and a bank of a hundred thousand waits for the disk once."""
    server = storage.servers[0]
    server.add([DataFile(AccountNumber(1, number).place, "Holder", None) for number in range(1000)])
    assert len(server.numbers()) == 1000


@pytest.mark.parametrize("kind", Kind)
def test_lines_are_plain_values(kind):
    """What SQL is handed is numbers and plain texts, which keep no tuple in the collector's way."""
    record = replace(SECOND, kind=kind, held_minor=250, follows=1)
    for nth, leg in enumerate(record.legs):
        line = line_of(record, nth, leg, ANNAS)
        assert {type(value) for value in line} <= {int, str, type(None)}
        assert entry_of(line).kind is kind

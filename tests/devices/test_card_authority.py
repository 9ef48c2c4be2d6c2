"""The card company's apparatus, asked by whoever knows a key: what it answers, in any order."""

from datetime import date

import pytest
from msgspec.structs import replace

from paybench.bank.account import AccountNumber
from paybench.bank.money import Money
from paybench.bank.secret import Secret
from paybench.devices import iso_message as iso
from paybench.devices.card import CardInformation, CardNumber
from paybench.devices.card_authority import CardAuthority, KnownTerminal
from paybench.devices.card_keys import CardKeys
from paybench.devices.card_payment import CardForms, CardPayment
from paybench.devices.device import Device
from paybench.devices.iso_message import IsoBytes, IsoMessage, pack, unpack
from paybench.devices.link import LinkProfile
from paybench.devices.purchase import PurchaseDeclined
from paybench.devices.trace import Decision
from paybench.devices.world import IGNORED, World

NUMBER, PIN = "4111111111111111", "73916428"
DAY_S = 24 * 3600
KEYS = CardKeys(bytes(16))


class Till(Device):
    """Says to a card company what it is told to say, and keeps the answers."""

    def __init__(self, world):
        super().__init__(world, "till")
        self.line = self.port("line")
        self.answers = []
        self.line.listen(self.answers.append)
        self.forms = CardForms("T0000001", "001-0000001", KEYS)
        self.authority = CardAuthority(
            world,
            "C.authority",
            account=AccountNumber(1, 9),
            approval_key=bytes(32),
            secret=b"the company's",
            epoch=date(2026, 1, 1),
        )
        self.authority.known["T0000001"] = KnownTerminal(KEYS, AccountNumber(1, 1))
        self.authority.file.issue(
            NUMBER,
            PIN,
            kind="1",
            expiry="2712",
            holder="B",
            account=AccountNumber(2, 1),
            limit_minor=1000,
        )
        world.connect(self.line, self.authority.terminals, LinkProfile())

    @property
    def card(self):
        return next(self.authority.file.cards())

    def payment(self, trace_number="000001", minor=250):
        return CardPayment(
            settlement_id=f"till-{trace_number}",
            customer="B.phone",
            kind="1",
            card="4111 11•• •••• 1111",
            sealed_number=self.forms.sealed(CardNumber(NUMBER)),
            expiry="2712",
            amount=Money(minor, "EUR"),
            trace_number=trace_number,
            reference=f"600100{trace_number}",
            sent_at="0101000000",
            back="000900",
            back_at="0101000010",
        )

    def authorise(self, payment, **changes):
        """Field 39 of the answer to a 0100."""
        shown = CardInformation("", "1", CardNumber(NUMBER), "2712", "B", Secret(PIN))
        return self.say(self.forms.authorise(payment, shown), **changes)

    def take_back(self, payment):
        """Field 39 of the answer to a 0400."""
        return self.say(self.forms.take_back(payment, again=False))

    def say(self, message, **changes):
        """Say it, with fields changed (``f4="…"``; "" for without); None is silence."""
        if changes:
            fields = unpack(message.iso, KEYS.mac)
            fields |= {name[1:]: value for name, value in changes.items()}
            kind = fields.pop("t")
            message = pack(kind, {key: val for key, val in fields.items() if val}, KEYS.mac)
        self.answers.clear()
        self.line.send(message, "D82")
        self.env.settle()
        if not self.answers:
            return None
        return unpack(self.answers[0].message.iso, KEYS.mac)[iso.REASON]


@pytest.fixture
def till():
    return Till(World())


def test_the_same_demand_gets_the_same_bytes(till):
    """Field 38, the signature and all: and it is counted once."""
    till.authorise(till.payment())
    first = till.answers[0].message
    till.authorise(till.payment())
    assert till.answers[0].message == first
    assert till.card.owed_minor == till.card.spent_minor == 250


def test_a_demand_with_anothers_name_is_refused(till):
    """The same trace number and time with another amount is no retransmission."""
    assert till.authorise(till.payment()) == "00"
    assert till.authorise(till.payment(minor=251)) == "12"
    assert till.card.owed_minor == 250


def test_what_was_taken_back_stays_so(till):
    """The 0100 that is repeated after its 0400 gets no permission, and the 0400 is said twice."""
    assert till.authorise(till.payment()) == "00"
    assert [till.take_back(till.payment()) for _ in range(2)] == ["00", "00"]
    assert till.authorise(till.payment()) == "12"
    assert till.card.owed_minor == till.card.spent_minor == 0


def test_a_reversal_may_come_before_its_demand(till):
    """The 0400 finds nothing (25), however often; the 0100 that comes after is refused."""
    assert [till.take_back(till.payment()) for _ in range(2)] == ["25", "25"]
    assert till.authorise(till.payment()) == "12"
    assert till.card.owed_minor == 0
    assert till.authorise(till.payment("000002")) == "00"


def test_a_refusal_can_be_taken_back(till):
    """There is nothing to count back: what else was permitted stays."""
    assert till.authorise(till.payment()) == "00"
    assert till.authorise(till.payment("000002", 751)) == "61"
    assert till.take_back(till.payment("000002", 751)) == "00"
    assert till.card.spent_minor == 250


def test_yesterdays_reversal_makes_no_room_today(till):
    """What was permitted yesterday and is taken back today leaves today's limit as it is."""
    assert till.authorise(till.payment()) == "00"
    till.env.run(until=DAY_S)
    assert till.authorise(till.payment("000002", 1000)) == "00"
    assert till.take_back(till.payment()) == "00"
    assert (till.card.spent_minor, till.card.owed_minor) == (1000, 1000)
    assert till.authorise(till.payment("000003", 1)) == "61"


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"f4": "00000000025x"}, "30"),
        ({"f3": "000000"}, "30"),
        ({"f49": "840"}, "30"),
        ({"f2": ""}, "30"),
        ({"f2": "41111111"}, "30"),
        ({"f62": ""}, None),
        ({"f42": ""}, None),
        ({"f110": ""}, "63"),
        ({"f110": "00" * 16}, "63"),
        ({"f14": ""}, "12"),
        ({"_t": "0800"}, None),
        ({"f41": "T0000002"}, None),
    ],
)
def test_odd_demands_are_refused_or_not_answered(till, changes, answer):
    """Without what an answer needs there is none; what is malformed is refused; nothing counts."""
    assert till.authorise(till.payment(), **changes) == answer
    assert till.card.owed_minor == till.card.tries == 0


def test_what_is_no_card_message_is_ignored(till):
    """Other messages, bytes that are none, and a key of somebody else's: noted, not answered."""
    message = till.forms.authorise(
        till.payment(), CardInformation("", "1", CardNumber(NUMBER), "2712", "B", Secret(PIN))
    )
    raw = message.iso.data
    for odd in (
        PurchaseDeclined("s", "no card message"),
        IsoMessage(IsoBytes(b"")),
        IsoMessage(IsoBytes(raw[:-1] + bytes([raw[-1] ^ 1]))),
        replace(message, iso=pack("0100", {"41": "T0000001"}, KEYS.mac).iso),
    ):
        assert till.say(odd) is None
    notes = [event for event in till.world.trace if isinstance(event, Decision)]
    assert [note.decision for note in notes] == [IGNORED] * 4
    assert till.say(message) == "00"


def test_a_loss_of_power_forgets_nothing(till):
    """Cards, tries, permissions and what was taken back are in the store."""
    till.authorise(till.payment())
    till.take_back(till.payment("000007"))
    till.authority.lose_power()
    till.env.settle()
    till.authority.regain_power()
    first = till.authorise(till.payment()), till.card.owed_minor
    assert first == ("00", 250)
    assert till.authorise(till.payment("000007")) == "12"

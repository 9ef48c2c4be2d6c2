"""A purchase among register, phone and bank: paid once, or not at all, whatever gets lost."""

import pytest

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.cash_register import CashRegister
from paybench.devices.errors import OutOfOrder
from paybench.devices.faults import Fault
from paybench.devices.link import LinkProfile
from paybench.devices.phone import Phone
from paybench.devices.purchase import PurchaseDeclined
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.trace import Decision, Delivered, Lost, Sent, State
from paybench.devices.world import World

SHOP, CUSTOMER = AccountNumber(1, 1), AccountNumber(1, 2)
KEY = b"k" * 32
LINE = LinkProfile(latency_s=0.030, jitter_s=0.020)
EAN = "4901234567894"
S = 1_000_000_000


def euros(text):
    return Money.parse(text, "EUR")


class Shop:
    """A shop's register, a customer's phone with 20 euros, and their bank."""

    def __init__(self, *, direct=False, seed=1, line=LINE, **register):
        self.world = World(seed)
        self.world.staged = True
        self.bank = Bank()
        self.bank.open_account(SHOP, "A")
        self.bank.open_account(CUSTOMER, "B", approval_key=KEY)
        self.bank.fund(CUSTOMER, euros("20.00"), "f1")
        self.host = BankHost(self.world, self.bank)
        settles = "direct" if direct else "relayed"
        self.register = CashRegister(
            self.world, "A.register", account=SHOP, shop="A", settles=settles, **register
        )
        self.phone = Phone(
            self.world,
            "B.phone",
            account=CUSTOMER,
            password="2468",
            approval_key=KEY,
        )
        for port in (self.register.bank_line, self.phone.network):
            self.world.connect(port, self.host.network, line)
        self.world.after_act = self.check_conservation

    def check_conservation(self):
        """Money is conserved after every act."""
        assert self.bank.total() == euros("0.00")

    def strike(self, step, kind, times=1, **how):
        self.world.faults.add(step, Fault(times, kind, **how))

    def ring_up_and_bill(self, price="2.50"):
        self.register.scan(EAN, price=price)
        self.register.bill(self.phone)

    def sell(self, price="2.50"):
        self.ring_up_and_bill(price)
        self.phone.approve(password="2468")

    def wait(self, seconds):
        self.world.env.run(until=self.world.env.now + seconds)
        self.check_conservation()

    def wait_for_the_end(self, limit_s=200):
        sale = self.register.sale
        ends = ("paid", "refused", "unknown")
        assert self.world.env.wait_until(lambda: sale.state in ends, limit_s)
        self.world.env.settle()
        self.check_conservation()

    def paid(self):
        """What the shop has, what the customer has left, and how the sale ended."""
        sale = self.register.sale
        balances = [self.bank.balance(number) for number in (SHOP, CUSTOMER)]
        assert self.bank.in_transit() == euros("0.00")
        return (*(balance.text for balance in balances), sale.state, sale.article)

    def steps(self, kind=Sent):
        return [event.step for event in self.world.trace if isinstance(event, kind)]

    def decisions(self, by="A.register"):
        return [
            (event.decision, event.why)
            for event in self.world.trace
            if isinstance(event, Decision) and event.by == by
        ]


BEFORE = ("0.00", "20.00")
AFTER = ("2.50", "17.50")
PAID = (*AFTER, "paid", "handed over")
KEPT = (*BEFORE, "refused", "kept")
BOTH_WAYS = pytest.mark.parametrize("direct", [False, True], ids=["relayed", "direct"])


def test_a_relayed_purchase():
    """D1 to D4: the phone authenticates, the register settles, and hands over."""
    shop = Shop()
    shop.sell()
    assert shop.paid() == PAID
    assert shop.steps() == ["scan", "D1", "D2", "D3", "D4"]
    assert shop.register.display.shows("PAID *2.50*")
    assert shop.decisions() == [("article handed over", "paid")]


def test_a_direct_purchase():
    """D5, D4, D6: the phone settles, the bank tells first the register and then the phone."""
    shop = Shop(direct=True)
    shop.sell()
    assert shop.paid() == PAID
    assert shop.steps() == ["scan", "D1", "D5", "D4", "D6"]
    assert shop.phone.state == "paid"
    assert shop.phone.display.shows("PAID *2.50*")


@BOTH_WAYS
def test_only_the_payer_learns_the_payers_balance(direct):
    """The register's D4 says nothing of the customer's balance; the phone's own D6 may."""
    shop = Shop(direct=direct)
    shop.sell()
    balances = {
        event.step: event.message.outcome.payer_balance
        for event in shop.world.trace
        if isinstance(event, Sent) and event.step in ("D4", "D6")
    }
    assert balances == ({"D4": None, "D6": euros("17.50")} if direct else {"D4": None})


@BOTH_WAYS
def test_a_declined_purchase(direct):
    """The customer says no: the bank hears nothing, the article is kept, there is no bill left."""
    shop = Shop(direct=direct)
    shop.ring_up_and_bill()
    shop.phone.decline()
    assert shop.paid() == KEPT
    assert shop.steps() == ["scan", "D1", "D2"]
    assert shop.decisions() == [("article kept", "the customer declined")]
    with pytest.raises(OutOfOrder, match="no bill to approve"):
        shop.phone.approve(password="2468")


def test_a_wrong_password_may_be_corrected():
    """Two wrong passwords send nothing; the third, right, pays."""
    shop = Shop()
    shop.ring_up_and_bill()
    for _ in range(2):
        shop.phone.approve(password="1111")
        assert shop.phone.display.shows("WRONG PASSWORD")
    assert shop.steps() == ["scan", "D1"]
    shop.phone.approve(password="2468")
    assert shop.paid() == PAID


def test_a_right_password_forgets_the_wrong_ones_before():
    """Only wrong passwords in a row count towards the lock."""
    shop = Shop()
    for _ in range(3):
        shop.ring_up_and_bill("1.00")
        shop.phone.approve(password="1111")
        shop.phone.approve(password="1111")
        shop.phone.approve(password="2468")
    assert shop.bank.balance(SHOP) == euros("3.00")


@pytest.mark.parametrize("then", ["ask again", "decline", "bill again"])
def test_three_wrong_passwords_lock_the_phone_for_good(then):
    """A locked phone approves nothing more, whatever is tried to get round it."""
    shop = Shop()
    shop.ring_up_and_bill()
    for _ in range(3):
        shop.phone.approve(password="1111")
    assert shop.phone.state == "locked"
    assert shop.phone.display.shows("LOCKED")
    if then == "decline":
        shop.phone.decline()
    if then != "ask again":
        shop.wait(200)
        shop.ring_up_and_bill()
    before = shop.steps()
    shop.phone.approve(password="2468")
    assert shop.phone.state == "locked"
    assert shop.steps() == before
    shop.wait(200)
    assert shop.paid() == KEPT


def test_a_result_from_the_bank_does_not_unlock_the_phone():
    """A phone that was locked while its payment was under way hears of it, and stays locked."""
    shop = Shop(direct=True)
    shop.ring_up_and_bill()
    shop.strike("D6", "delay", delay_ns=2 * S)
    shop.world.staged = False  # do not wait for D6
    for password in ("2468", "1111", "1111", "1111"):
        shop.phone.approve(password=password)
    shop.wait(60)
    assert shop.phone.display.shows("PAID *2.50*")
    shop.phone.approve(password="2468")
    assert shop.phone.display.shows("LOCKED")
    assert shop.steps().count("D5") == 1


@BOTH_WAYS
def test_a_balance_that_is_too_low(direct):
    """The bank refuses, and register and customer are told in words."""
    shop = Shop(direct=direct)
    shop.sell("20.01")
    assert shop.paid() == KEPT
    assert shop.decisions() == [("article kept", "The payer's balance is too low.")]
    assert shop.register.display.shows("REFUSED")
    if direct:
        assert shop.phone.display.shows("The payer's balance is too low.")


@pytest.mark.parametrize("taps", [2, 5])
@BOTH_WAYS
def test_tapping_more_than_once_pays_once(direct, taps):
    """However often the customer taps, it is one and the same approval, and settles once."""
    shop = Shop(direct=direct)
    shop.ring_up_and_bill()
    shop.phone.approve(password="2468", taps=taps)
    shop.phone.approve(password="2468")
    said = [e.message for e in shop.world.trace if isinstance(e, Sent) and e.sender == "B.phone"]
    assert said == [said[0]] * (taps + 1)
    shop.wait(200)
    assert shop.paid() == PAID


def test_a_lost_result_is_asked_for():
    """D4 lost: the register asks the bank (S108), hears that it was paid, and hands over."""
    shop = Shop()
    shop.strike("D4", "lose")
    shop.sell()
    assert (shop.register.sale.state, shop.register.sale.article) == ("settling", "kept")
    shop.wait_for_the_end()
    assert shop.paid() == PAID
    assert shop.steps() == ["scan", "D1", "D2", "D3", "D4", "S108", "S108"]


def test_a_lost_result_of_a_direct_purchase_is_asked_for():
    """D4 lost: the register asks when the customer's time is up, and hands over."""
    shop = Shop(direct=True)
    shop.strike("D4", "lose")
    shop.sell()
    assert shop.phone.state == "paid"
    shop.wait_for_the_end()
    assert shop.paid() == PAID
    assert shop.steps() == ["scan", "D1", "D5", "D4", "D6", "S108", "S108"]


def test_a_lost_demand_is_sent_again_under_its_id():
    """D3 lost: the bank does not know the id, so it is demanded again, and settles once."""
    shop = Shop()
    shop.strike("D3", "lose")
    shop.sell()
    shop.wait_for_the_end()
    assert shop.paid() == PAID
    assert shop.steps() == ["scan", "D1", "D2", "D3", "S108", "S108", "D3", "D4"]
    demands = [e.message for e in shop.world.trace if isinstance(e, Sent) and e.step == "D3"]
    assert demands[0] == demands[1]


@pytest.mark.parametrize("kind", ["duplicate", "delay"])
def test_an_answer_that_comes_again_does_not_end_a_sale_sent_again(kind):
    """A second or late "unknown" from the bank is no answer to the new demand."""
    shop = Shop()
    shop.strike("D3", "lose")
    shop.strike("S108", kind, delay_ns=6 * S * (kind == "delay"))
    shop.sell()
    shop.wait_for_the_end()
    shop.wait(60)
    assert shop.paid() == PAID


def test_a_demand_that_was_only_late_settles_once():
    """D3 arrives after it was sent again: both get the same answer, one of them moved money."""
    shop = Shop()
    shop.strike("D3", "delay", delay_ns=7 * S)
    shop.sell()
    shop.wait_for_the_end()
    shop.wait(60)
    assert shop.paid() == PAID


@BOTH_WAYS
@pytest.mark.parametrize("step", ["D1", "D2", "D3", "D4", "D5", "D6", "S108"])
def test_a_message_that_comes_twice_changes_nothing(step, direct):
    """Any message doubled on its way leads to the same purchase."""
    shop = Shop(direct=direct)
    shop.strike(step, "duplicate", times=9)
    shop.sell()
    shop.wait_for_the_end()
    assert shop.paid() == PAID


def test_a_bank_that_cannot_be_reached_leaves_the_result_open():
    """All results and answers lost: the register says so, and hands nothing over."""
    shop = Shop(inquiries=3)
    shop.strike("D4", "lose")
    shop.strike("S108", "lose", times=99)
    shop.sell()
    shop.wait_for_the_end()
    assert shop.paid() == (*AFTER, "unknown", "kept")
    assert shop.steps().count("S108") == 3
    assert shop.register.display.shows("RESULT UNKNOWN")


def test_an_amount_changed_on_the_way_is_not_paid():
    """The register's demand altered on its way: the signature does not match, nothing moves."""
    shop = Shop()
    shop.strike("D3", "alter", changes={"information.amount": euros("0.01")})
    shop.sell()
    assert shop.paid() == KEPT
    assert shop.decisions() == [
        ("article kept", "The approval does not match what is to be settled.")
    ]


def test_a_bill_changed_on_the_way_is_not_paid_in_full_and_not_handed_over():
    """The customer signs the small amount shown; the register's demand for the full one fails."""
    shop = Shop()
    shop.strike("D1", "alter", changes={"amount": euros("0.01")})
    shop.sell()
    assert shop.paid() == KEPT


def test_a_wrong_amount_settled_directly_is_noticed():
    """The customer directly pays the altered bill: the register sees it and keeps the article."""
    shop = Shop(direct=True)
    shop.strike("D1", "alter", changes={"amount": euros("0.01")})
    shop.sell()
    assert shop.paid() == ("0.01", "19.99", "refused", "kept")
    assert shop.register.display.shows("WRONG AMOUNT")


@BOTH_WAYS
def test_no_answer_from_the_phone(direct):
    """Nobody approves: when the time is up the article is kept and no money has moved."""
    shop = Shop(direct=direct)
    shop.ring_up_and_bill()
    shop.wait(119)
    assert shop.register.sale.state == "billed"
    shop.wait_for_the_end()
    assert shop.paid() == KEPT


def test_an_approval_just_before_the_time_is_up_counts():
    """The customer may take the whole time."""
    shop = Shop()
    shop.ring_up_and_bill()
    shop.wait(119)
    shop.phone.approve(password="2468")
    assert shop.paid() == PAID


def test_a_result_of_another_sale_is_ignored():
    """A D4 that belongs to another settlement is noted and not taken for this one's."""
    shop = Shop()
    shop.strike("D4", "alter", changes={"settlement_id": "A.register-000099"})
    shop.sell()
    shop.wait_for_the_end()
    assert shop.paid() == PAID
    assert ("ignored", "a SettledResult that belongs to A.register-000099") in shop.decisions()
    assert shop.steps()[-2:] == ["S108", "S108"]


def test_a_result_of_another_sale_does_not_pay_a_direct_one():
    """A D4 of another settlement, for the same amount, never hands over this sale's article."""
    shop = Shop(direct=True)
    shop.ring_up_and_bill()
    shop.strike("D1", "lose")  # what comes next is not for the phone
    other = shop.register.sale.settlement_id
    shop.phone.approve(password="2468")
    result = next(e for e in shop.world.trace if isinstance(e, Sent) and e.step == "D4").message
    shop.ring_up_and_bill()
    assert shop.register.sale.settlement_id != other
    shop.host.network.send(result, "D4", "A.register")
    shop.world.env.settle()
    assert shop.register.sale.article == "kept"
    shop.wait_for_the_end()
    assert shop.paid() == (*AFTER, "refused", "kept")


def test_a_decline_of_another_sale_does_not_end_a_direct_one():
    """A late no to a former bill is not taken for a no to this one."""
    shop = Shop(direct=True)
    shop.ring_up_and_bill()
    late = PurchaseDeclined("A.register-000099", "the customer declined")
    shop.phone.short_range.send(late, "D2", "A.register")
    shop.world.env.settle()
    shop.phone.approve(password="2468")
    assert shop.paid() == PAID
    assert shop.decisions()[0][0] == "ignored"


def test_what_came_too_late_for_one_sale_does_not_disturb_the_next():
    """Doubled approvals, results and answers of a sale are drained before the next one."""
    shop = Shop()
    for step in ("D2", "D4"):
        shop.strike(step, "duplicate", times=2)
    shop.strike("D3", "delay", delay_ns=6 * S)
    shop.sell()
    shop.wait_for_the_end()
    shop.wait(60)
    assert shop.paid() == PAID
    late = len(shop.steps(Delivered))
    shop.ring_up_and_bill("1.00")
    shop.wait(30)
    assert shop.register.sale.state == "billed"
    shop.phone.approve(password="2468")
    assert shop.paid() == ("3.50", "16.50", "paid", "handed over")
    assert len(shop.steps(Delivered)) > late
    assert "ignored" not in dict(shop.decisions())


def test_sales_follow_each_other_with_ids_of_their_own():
    """Each sale has its own id and articles, and is paid by itself."""
    shop = Shop()
    shop.register.scan(EAN, price="1.00")
    shop.register.key_in("banana", price="0.55")
    shop.register.bill(shop.phone)
    first = shop.register.sale
    assert first.articles == [EAN, "banana"]
    assert first.total == euros("1.55")
    shop.phone.approve(password="2468")
    shop.sell("2.00")
    assert shop.register.sale.settlement_id != first.settlement_id
    assert shop.paid() == ("3.55", "16.45", "paid", "handed over")


def test_there_must_be_something_to_bill():
    """Billing nothing, or the same sale twice, is out of order and says what to do first."""
    shop = Shop()
    with pytest.raises(OutOfOrder, match="scan an article first"):
        shop.register.bill(shop.phone)
    shop.ring_up_and_bill()
    with pytest.raises(OutOfOrder):
        shop.register.bill(shop.phone)


def test_a_register_settles_one_of_two_ways():
    """An unknown way to settle is refused where the register is made."""
    with pytest.raises(ValueError, match="'relayed' or 'direct', not 'both'"):
        CashRegister(World(), "A.register", account=SHOP, shop="A", settles="both")


def test_states_tell_the_story():
    """Register and phone go through the states the flow names."""
    shop = Shop()
    shop.sell()
    states = [(e.device, e.state) for e in shop.world.trace if isinstance(e, State)]
    assert states == [
        ("A.register", "billed"),
        ("B.phone", "billed"),
        ("B.phone", "approved"),
        ("A.register", "settling"),
        ("A.register", "paid"),
    ]
    assert shop.world.env.now >= 2 * SHORT_RANGE.latency_s + 2 * LINE.latency_s


LOSSY = LinkProfile(latency_s=0.030, jitter_s=0.020, loss_ppm=250_000)


@pytest.mark.parametrize("seed", range(10))
@BOTH_WAYS
def test_however_lossy_the_lines_are_nobody_is_cheated(seed, direct):
    """Over lines that lose a quarter, an article handed over was paid, and paid at most once."""
    shop = Shop(direct=direct, seed=seed, line=LOSSY)
    handed_over = settled = 0
    for _ in range(5):
        shop.sell("1.00")
        shop.wait_for_the_end(500)
        handed_over += shop.register.sale.article == "handed over"
        settled += shop.bank.inquire(shop.register.sale.settlement_id).settled
    received = shop.bank.balance(SHOP)
    assert received == euros(f"{settled}.00")
    assert handed_over <= settled
    assert Lost in {type(event) for event in shop.world.trace}

"""The billing terminal at a counter: shows a number, or reads the payer's (claims 1-36, 47-53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.money import Money
from paybench.bank.restriction import Held, Restriction
from paybench.bank.tin import spaced
from paybench.devices.billing_line import BillingLine
from paybench.devices.code_reader import CodeReader
from paybench.devices.device import Device, verb
from paybench.devices.errors import OutOfOrder
from paybench.devices.plain_profile import PlainProfileError
from paybench.devices.short_range import SHORT_RANGE
from paybench.devices.tin_code import read_tin, shown_code, tin_code
from paybench.devices.tin_messages import OFFERED, TinHanded, TinOffered
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from paybench.devices.billing import Billing
    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent
    from paybench.devices.world import World

S_PER_DAY = 86_400


class BillingTerminal(Device):
    """A terminal with a clerk behind it: a display, a reader for codes, and short-range radio.

    Args:
        world: What it shares with the others.
        name: Full name, e.g. ``A.billing``.
        terminal_id: The id it gives itself at the apparatus.
        currency: ISO 4217 code all prices are in.

    Attributes:
        line: Its way to the apparatus.
        scanner: What reads codes, a part of it.
    """

    role = "billing"

    def __init__(self, world: World, name: str, *, terminal_id: str, currency: str = "EUR") -> None:
        super().__init__(world, name)
        self.currency = currency
        self.short_range = self.port("short-range")
        self.short_range.listen(self._take)
        self.line = BillingLine(self, self.port("billing line"), terminal_id, self._show)
        self._reader = CodeReader(self, self._take_code, "code")
        self.scanner = self._reader.scanner

    @property
    def billing(self) -> Billing | None:
        """The billing under way or last ended, or None."""
        return self.line.newest

    @property
    def portrait(self) -> bytes | None:
        """The portrait the clerk is shown, as a PNG picture, or None."""
        billing = self.billing
        return None if billing is None else self.line.portraits.get(billing.request_id)

    # -- what the clerk does --------------------------------------------------------------------

    @verb()
    def start(self) -> None:
        """Want a number to show to the customer (T1).

        Raises:
            OutOfOrder: It is busy with another customer.
        """
        self._refuse_if_busy()
        self.line.start()

    @verb()
    def key_in(self, tin: str) -> None:
        """Type the number that the customer's phone shows (T3).

        Raises:
            OutOfOrder: It is busy with another customer.
        """
        self._refuse_if_busy()
        self.line.present(tin)

    @verb()
    def read(self, phone: Phone) -> None:
        """Hold the code that a customer's phone shows before the reader (T3, claims 50 to 52).

        Raises:
            OutOfOrder: It is busy with another customer, or the display shows no number.
            PartSilent: Nothing, or nothing readable, came from the reader.
            UnexpectedReading: The reader read another code than the one shown.
        """
        self._refuse_if_busy()
        self._reader.read(shown_code(phone))

    @verb()
    def bill(
        self, amount: str, cooling_off_days: float = 0, held: str = "restricted-deposit"
    ) -> None:
        """Bill the amount (T5).

        Args:
            amount: How much, e.g. ``"2.50"``.
            cooling_off_days: For how long the customer may take it back; 0 for not at all.
            held: How it is held meanwhile: ``restricted-deposit`` or ``escrow``.

        Raises:
            OutOfOrder: No customer is there, or it is billed already.
            MoneyError: The amount is malformed.
        """
        money = Money.parse(amount, self.currency)
        restriction = None
        if cooling_off_days:
            restriction = Restriction(round(cooling_off_days * S_PER_DAY), Held(held))
        self.line.bill(self._open("bill"), money, restriction)

    @verb()
    def demand_password(self) -> None:
        """Have the customer asked for the password: the portrait is not enough (claims 16, 36).

        Raises:
            OutOfOrder: No customer is there.
        """
        self.line.demand_password(self._open("demand a password from"))

    @verb()
    def recognises(self) -> None:
        """The customer is the one on the portrait.

        Raises:
            OutOfOrder: No portrait is shown.
        """
        self.line.clerk_says(self._open("recognise"), is_the_user=True)

    @verb()
    def does_not_recognise(self) -> None:
        """The customer is somebody else than the one on the portrait.

        Raises:
            OutOfOrder: No portrait is shown.
        """
        self.line.clerk_says(self._open("recognise"), is_the_user=False)

    @verb()
    def ask_status(self) -> None:
        """Ask how the customer stands, as far as the customer has it told (claim 11).

        Raises:
            OutOfOrder: No customer is there.
        """
        self.line.ask_status(self._open("ask about"))

    @verb()
    def cancel(self) -> None:
        """Give up. If the customer has confirmed meanwhile, it is paid all the same.

        Raises:
            OutOfOrder: There is nothing to give up.
        """
        self.line.withdraw(self._open("cancel"))

    def meet(self, phone: Phone) -> None:
        """A customer holds a phone to the terminal: it is sent the number (claim 30).

        Raises:
            OutOfOrder: No number is shown.
        """
        if not self.powered:
            raise OutOfOrder(f"{self.name} has no power")
        billing = self.billing
        if billing is None or billing.state != "waiting":
            raise OutOfOrder(f"{self.name} has no number to send: start() first")
        self.world.connect(self.short_range, phone.short_range, SHORT_RANGE)
        self.short_range.send(TinOffered(billing.tin), OFFERED, phone.name)

    def expects_article(self, state: str) -> None:
        """Expect the article of the last billing to be ``kept`` or ``handed over``.

        Raises:
            Unmet: It is not.
        """
        self.world.expect(
            lambda: self.billing is not None and self.billing.article == state,
            who=self.name,
            expected=f"article {state}",
            seen=lambda: f"article {self.billing.article}" if self.billing else "no billing",
        )

    # -- what the terminal does -----------------------------------------------------------------

    def boot(self) -> None:
        """Take up the billing that was under way when the power went."""
        self.line.boot()
        if self.billing is not None and self.billing.is_over:
            self._show(self.billing)

    def _take(self, sent: Sent) -> None:
        message = sent.message
        if isinstance(message, TinHanded) and not self._is_busy:
            self.line.present(message.tin)
        else:
            self.decided(IGNORED, f"a {type(message).__name__} that is not wanted now")

    def _take_code(self, code: str) -> None:
        if self._is_busy:
            self.decided(IGNORED, "a code while another customer is served")
            return
        try:
            tin = read_tin(code)
        except PlainProfileError as error:
            self.decided("no number", str(error))
            self.display.show("NO NUMBER", "This code is no transaction number.")
            return
        self.line.present(tin)

    def _show(self, billing: Billing) -> None:
        """Show where the billing stands."""
        self.become(billing.state, billing.session)
        self.display.show(*self._lines(billing))

    def _lines(self, billing: Billing) -> list[str]:
        amount = billing.amount.text if billing.amount is not None else ""
        lines = {
            "authenticating": ["CUSTOMER IS ASKED", *self._about(billing)],
            "portrait": self._portrait_lines(),
            "ready": [
                "CUSTOMER IS THERE",
                *filter(None, [billing.sentence]),
                *self._about(billing),
            ],
            "billed": [f"TOTAL {amount}", "WAITING FOR CUSTOMER"],
            "paid": [f"PAID {amount}"],
            "refused": ["REFUSED", billing.sentence],
            "unknown": ["RESULT UNKNOWN", "CALL THE BANK"],
            "withdrawing": ["CANCELLING"],
        }
        if billing.state == "waiting":
            return [f"TIN {spaced(billing.tin)}", tin_code(billing.tin).text]
        return lines.get(billing.state, ["PLEASE WAIT"])

    def _portrait_lines(self) -> list[str]:
        if self.portrait is None:
            return ["NO PORTRAIT", "ASK FOR THE PASSWORD"]
        width, height = picture_size(self.portrait)
        return ["IS THIS THE CUSTOMER?", f"PORTRAIT {width} x {height}"]

    def _about(self, billing: Billing) -> list[str]:
        """What the clerk is told of the customer (claims 12, 18)."""
        lines = [f"{name}: {value}" for name, value in billing.attributes.items()]
        if billing.authenticated:
            lines.append(f"authenticated: {', '.join(billing.methods)}")
        status = self.line.statuses.get(billing.request_id)
        if status is not None and status.payments is not None:
            lines.append(f"payments: {status.payments}")
        if status is not None and status.available is not None:
            lines.append(f"available: {status.available.text}")
        return lines

    @property
    def _is_busy(self) -> bool:
        return self.billing is not None and not self.billing.is_over

    def _refuse_if_busy(self) -> None:
        if self._is_busy:
            raise OutOfOrder(f"{self.name} is busy with another customer: cancel() or wait")

    def _open(self, wish: str) -> Billing:
        billing = self.billing
        if billing is None or billing.is_over:
            raise OutOfOrder(f"{self.name} has no customer to {wish}: start() or read() first")
        return billing


def picture_size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG picture in pixels (W3C PNG, 11.2.1)."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")

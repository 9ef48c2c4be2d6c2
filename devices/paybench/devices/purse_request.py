"""A purse's request on a phone: the owner pays it with e-money, or declines it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.emoney.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.bank.emoney.request import Request
    from paybench.devices.phone import Phone
    from paybench.devices.purse_keeper import PurseKeeper


class PurseRequest:
    """What another purse asks this phone's owner for.

    Args:
        phone: The phone.
        keeper: Of the purse that is to pay.
        request: What the other purse signed.
        sender: Name of the other device.
        declined: Called when the owner says no.
    """

    def __init__(
        self,
        phone: Phone,
        keeper: PurseKeeper,
        request: Request,
        sender: str,
        declined: Callable[[str], object],
    ) -> None:
        self.correlation = request.transfer_id
        self.request = request
        self.sender = sender
        self._phone = phone
        self._keeper = keeper
        self._declined = declined

    def show(self) -> None:
        """Show it to the owner."""
        display = self._phone.display
        display.show(f"PAY {self.request.amount.text}", f"E-MONEY TO {self.sender}")

    def approve(self, taps: int) -> None:
        """The owner pays; however often they tap, once."""
        del taps
        self._close()
        flaw = self._keeper.pay(self.request, self.sender)
        if flaw:
            self._phone.display.show(f"CANNOT PAY {self.request.amount.text}", flaw.sentence)
        else:
            self._phone.display.show(f"PAYING {self.request.amount.text}")

    def decline(self) -> None:
        """The owner does not pay; nothing leaves the purse."""
        self._close()
        self._phone.display.show("DECLINED")
        self._declined(self.correlation)
        self._keeper.decline(self.correlation, Refusal.DECLINED, self.sender)

    def _close(self) -> None:
        if self._phone.request is self:
            self._phone.request = None

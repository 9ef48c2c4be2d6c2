"""What a phone's apps are: the pieces of its software, a flow each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.phone import Phone
    from paybench.devices.trace import Sent


class App:
    """A piece of a phone's software: takes the messages of its flow, and has verbs of its own.

    The phone makes it when it is first needed, and hands it the messages that `phone.TAKES` and
    `phone.HEARS` give it. What must outlive a loss of power is in the phone's store.

    Attributes:
        phone: The phone it runs on.
        name: The phone's name: in traces, the phone acts.
    """

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.world = phone.world
        self.name = phone.name

    @property
    def by_hand(self) -> Callable[[str, dict[str, Any], tuple[str, ...]], Any] | None:
        """On a real phone its customer does what the verbs of its apps say."""
        return self.phone.apps_by_hand

    @property
    def powered(self) -> bool:
        """Whether its phone has power."""
        return self.phone.powered

    def take(self, sent: Sent) -> None:
        """Something came over the short-range link."""
        raise NotImplementedError

    def hear(self, sent: Sent) -> None:
        """Something came over the network."""
        raise NotImplementedError

    def resume(self) -> None:
        """The phone's power is back: take up what its store says was under way."""


class Request(Protocol):
    """Something a phone asks its owner to approve or to decline; the newest one counts.

    Attributes:
        correlation: Id of the settlement or session it belongs to.
    """

    correlation: str

    def approve(self, taps: int) -> None:
        """The owner has authenticated it, and tapped so many times."""
        ...

    def decline(self) -> None:
        """The owner does not want it."""
        ...

"""The keys of the virtual phone: what its customer types, and when it can be done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.phone import Phone
    from paybench.devices.port import Port

HISTORY_MAX = 4
"""So many purchases fit into one payload."""


class Neighbour(NamedTuple):
    """Whoever the phone is held to: at the other end of the wire, whatever it is there."""

    name: str
    short_range: Port


@dataclass(frozen=True)
class Key:
    """A word that the customer can type.

    Attributes:
        words: What may follow it: at least and at most so many words.
        can: Whether what it is about is there; until then it waits, and what follows with it.
        do: Does it.
    """

    words: tuple[int, int]
    can: Callable[[Phone, list[str]], bool]
    do: Callable[[Phone, Neighbour, list[str]], object]


def _always(_phone: Phone, _words: list[str]) -> bool:
    return True


def _asked(phone: Phone, _words: list[str]) -> bool:
    return phone.request is not None


def _offered(phone: Phone, _words: list[str]) -> bool:
    return phone.vending.offer is not None


def _ordered(phone: Phone, _words: list[str]) -> bool:
    return phone.payer.order is not None


def _free(phone: Phone, _words: list[str]) -> bool:
    return phone.payer.payment is None or phone.payer.payment.is_over


def _showing(phone: Phone, _words: list[str]) -> bool:
    return phone.payer.payment is not None and phone.payer.payment.state == "showing"


def _can_leave(phone: Phone, words: list[str]) -> bool:
    payment = phone.payer.payment
    is_open = payment is not None and not payment.is_over and payment.approval is None
    return is_open or _offered(phone, words)


def _approve(phone: Phone, _near: Neighbour, words: list[str]) -> None:
    phone.approve(words[0], taps=int(words[1]) if words[1:] else 1)


def _leave(phone: Phone, _near: Neighbour, words: list[str]) -> None:
    if _offered(phone, words):
        phone.vending.leave()
    else:
        phone.payer.leave()


def _scan(phone: Phone, _near: Neighbour, words: list[str]) -> None:
    assert phone.camera is not None, "every phone here has one"
    phone.camera.read(" ".join(words))


def _present(phone: Phone, _near: Neighbour, words: list[str]) -> None:
    what, whose = words[0], " ".join(words[1:])
    if what not in ("finger", "iris"):
        raise ValueError(f"there is nothing to take a sample of at {what!r}")
    phone.payer.present(**{what: whose})


_MANY = 99
_KEYS: dict[str, Key] = {
    "approve PASSWORD [TAPS]": Key((1, 2), _asked, _approve),
    "decline": Key((0, 0), _asked, lambda phone, _, __: phone.decline()),
    "choose NUMBER PASSWORD": Key(
        (2, 2), _offered, lambda phone, _, words: phone.vending.choose(*words)
    ),
    "leave": Key((0, 0), _can_leave, _leave),
    "bill AMOUNT [HOW]": Key(
        (1, 2), _always, lambda phone, near, words: phone.collector.bill(near, *words)
    ),
    "show_ticket EVENT": Key(
        (0, _MANY),
        lambda phone, words: phone.wallet.ticket(" ".join(words)) is not None,
        lambda phone, _, words: phone.wallet.show_ticket(" ".join(words)),
    ),
    "show_admission LINE": Key(
        (0, _MANY),
        lambda phone, words: phone.wallet.admission(" ".join(words)) is not None,
        lambda phone, _, words: phone.wallet.show_admission(" ".join(words)),
    ),
    "enter TIN": Key((1, _MANY), _free, lambda phone, _, words: phone.payer.enter(" ".join(words))),
    "scan CODE": Key((1, _MANY), _free, _scan),
    "show_tin": Key((0, 0), _free, lambda phone, _, __: phone.payer.show_tin()),
    "hand_to TERMINAL": Key((0, 1), _showing, lambda phone, near, _: phone.payer.hand_to(near)),
    "answer TEXT": Key(
        (1, _MANY), _ordered, lambda phone, _, words: phone.payer.answer(text=" ".join(words))
    ),
    "speak VOICE": Key(
        (1, _MANY), _ordered, lambda phone, _, words: phone.payer.speak(" ".join(words))
    ),
    "present finger|iris WHOSE": Key((2, _MANY), _ordered, _present),
    "ask_history": Key((0, 1), _always, lambda phone, _, __: phone.payer.ask_history(HISTORY_MAX)),
    "ask_status": Key((0, 0), _always, lambda phone, _, __: phone.payer.ask_status()),
}
_BY_WORD = {usage.partition(" ")[0]: key for usage, key in _KEYS.items()}
USAGE = ", ".join(_KEYS)


class PhoneKeys:
    """What has been typed, and not been done yet.

    Args:
        near: Whom the phone is held to.
        complain: Told of what means nothing.
    """

    def __init__(self, near: Neighbour, complain: Callable[[str], object]) -> None:
        self._near = near
        self._complain = complain
        self._typed: deque[list[str]] = deque()

    def press(self, words: list[str]) -> None:
        """The customer types something; `work` does it."""
        self._typed.append(words)

    def work(self, phone: Phone) -> None:
        """Do what can be done by now, in the order in which it was typed."""
        while self._typed:
            word, *rest = self._typed[0]
            key = _BY_WORD.get(word)
            if key is None or not key.words[0] <= len(rest) <= key.words[1]:
                self._typed.popleft()
                self._complain(f"{word} with {len(rest)} more: write {USAGE}")
            elif key.can(phone, rest):
                self._typed.popleft()
                self._do(key, phone, rest)
            else:
                return

    def _do(self, key: Key, phone: Phone, words: list[str]) -> None:
        try:
            key.do(phone, self._near, words)
        except ValueError as error:
            self._complain(f"{error}: write {USAGE}")

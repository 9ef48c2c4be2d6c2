"""How long a session may take, and how many there may be."""

from msgspec import Struct
from msgspec.structs import asdict

from paybench.bank.errors import TinError

from .number import DIGITS, DIGITS_MAX, DIGITS_MIN

_MAX = 10**9


class Limits(Struct, frozen=True, gc=False):
    """The limits of an apparatus. docs/decisions/transaction-numbers.md argues the defaults.

    Args:
        digits: of a TIN without its check digit.
        tin_s: how long a TIN waits for its other side, in seconds.
        session_s: how long a session may take once it is synchronised.
        kept_s: how long a closed session is known, so that a lost answer can be asked for.
        rest_s: how long a TIN that is used up is given to nobody.
        tries: wrong TINs that one caller, or one terminal, may send within a window.
        window_s: how long a wrong TIN counts.
        live_max: TINs that wait for their other side at a time: the more, the easier to guess.
        per_terminal_max: open sessions of one billing terminal.
        per_caller_max: open sessions of one calling number.

    Raises:
        TinError: a figure is not positive or too large, or a TIN rests shorter than it is known.
    """

    digits: int = DIGITS
    tin_s: int = 180
    session_s: int = 600
    kept_s: int = 3600
    rest_s: int = 24 * 3600
    tries: int = 5
    window_s: int = 600
    live_max: int = 20_000
    per_terminal_max: int = 1000
    per_caller_max: int = 3

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            low, high = (DIGITS_MIN, DIGITS_MAX) if name == "digits" else (1, _MAX)
            if type(value) is not int or not low <= value <= high:
                raise TinError(
                    f"expected {name} from {low} to {high}, seen {value!r}: leave it out for the "
                    "default"
                )
        if self.rest_s < self.kept_s:
            raise TinError(
                f"expected a TIN to rest as long as its session is known, seen rest_s "
                f"{self.rest_s} and kept_s {self.kept_s}: raise rest_s"
            )

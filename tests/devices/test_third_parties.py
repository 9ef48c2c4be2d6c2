"""Proving to a third party who one is: nobody else passes for a user, and no secret is kept."""

from contextlib import suppress
from functools import partial
from itertools import pairwise

import msgspec
import pytest

from paybench.devices.authentication_apparatus import AuthenticationApparatus
from paybench.devices.demanding_terminal import ENDED
from paybench.devices.errors import OutOfOrder
from paybench.scenarios.errors import UsageError
from paybench.scenarios.rig import Rig

LONG_S = 4000
"""After so long everything has come to its end."""
PASSWORD = "open-sesame"
ANSWER = "a dog called Rex"


class Office:
    """A terminal that demands, and B at a telephone."""

    def __init__(self, method="voice", **options) -> None:
        self.rig = rig = Rig()
        self.terminal = rig.shop("O").demanding_terminal(demands=method)
        self.prover = rig.customer("B").proving_terminal(
            password=PASSWORD,
            questions={"First pet?": ANSWER},
            voice="B's voice",
            portrait="B",
            shows=("name",),
            **options,
        )

    def tell(self, voice="B's voice") -> None:
        """What clerk and user do, as long as there is power to do it with."""
        with suppress(OutOfOrder):
            self.terminal.demand()
            self.prover.enter(self.terminal.demanded.tin)
        self.rig.waits(30)
        for _ in range(2):  # what is asked again is answered again
            with suppress(OutOfOrder):
                self.prover.speak(voice)
            self.rig.waits(60)
        self.rig.waits(LONG_S)


def cut(device, due_ns) -> None:
    device.env.now_ns = due_ns
    device.lose_power(10)


@pytest.mark.parametrize("voice", ["B's voice", "C's voice"])
def test_power_may_go_at_any_moment(voice):
    """Either terminal goes dark between any two events: both come to an end, and to the same."""
    whole = Office()
    whole.tell(voice)
    ends = {"B's voice": "authenticated", "C's voice": "refused"}
    assert (whole.terminal.state, whole.prover.state) == (ends[voice], ends[voice])
    at_ns = sorted({event.at_ns for event in whole.rig.world.trace.events})
    for before, after in pairwise(at_ns):
        for name in ("terminal", "prover"):
            office = Office()
            device = getattr(office, name)
            device.env.alarm_at((before + after) // 2, partial(cut, device))
            office.tell(voice)
            office.rig.finish()
            # Nobody is asked whose number never came; then all of it is over without a result.
            proof = office.prover.proof
            assert office.terminal.demanded is None or office.terminal.state in ENDED
            assert proof is None or office.prover.state == office.terminal.state
            assert office.terminal.state != "authenticated" or voice == "B's voice"
            office.rig.close()


def test_no_secret_is_kept_or_traced():
    """Password and answer are in no store, no display and no trace, and samples neither."""
    for method, answer in (("password", PASSWORD), ("question", ANSWER)):
        office = Office(method)
        office.terminal.demand()
        office.prover.enter(office.terminal.demanded.tin)
        office.prover.answer(**{"password" if method == "password" else "text": answer})
        assert office.terminal.state == "authenticated"
        kept = b"".join(
            office.prover.store.get(name, msgspec.Raw) or b"" for name in office.prover.store
        )
        events = office.rig.world.trace.events
        told = msgspec.json.encode(events, enc_hook=str) + repr(events).encode()
        assert answer.encode() not in kept + told
        office.rig.close()


def test_the_users_attributes_are_told_only_if_allowed():
    """The terminal learns of a user what the user allows (claim 12), and no more."""
    office = Office(attributes={"address": "Ulm"})
    office.tell()
    assert office.terminal.demanded.attributes == {"name": "B"}
    office.rig.close()


def test_what_cannot_be_done_is_said():
    """Keys that mean nothing at the moment raise, and say why."""
    office = Office()
    terminal, prover = office.terminal, office.prover
    for deed in (terminal.cancel, terminal.recognises, terminal.demand_password, prover.leave):
        with pytest.raises(OutOfOrder):
            deed()
    with pytest.raises(OutOfOrder, match="asked nothing"):
        prover.speak("B's voice")
    with pytest.raises(OutOfOrder, match="no method 'smell'"):
        terminal.demand("smell")
    terminal.demand()
    with pytest.raises(OutOfOrder, match="busy"):
        terminal.demand()
    with pytest.raises(OutOfOrder, match="it is w"):
        terminal.recognises()
    office.rig.close()


@pytest.mark.parametrize(("voice", "end"), [("B's voice", "authenticated"), ("C's", "refused")])
def test_a_used_number_typed_again_is_answered(voice, end):
    """One's own number once more gets the same answer as before, and nobody waits for ever."""
    office = Office()
    office.terminal.demand()
    tin = office.terminal.demanded.tin
    office.prover.enter(tin)
    office.rig.waits(5)
    office.prover.speak(voice)
    for _ in range(2):
        office.rig.waits(5)
        assert office.prover.proof.state == end
        office.prover.enter(tin)


def test_who_leaves_at_once_has_left():
    """Given up before the apparatus has answered: it is told as soon as it has, and so is O."""
    office = Office()
    office.terminal.demand()
    tin = office.terminal.demanded.tin
    office.rig.at_once(lambda: office.prover.enter(tin), office.prover.leave)
    office.rig.waits(5)
    assert office.prover.proof.state == "refused"
    assert office.terminal.demanded.state == "refused"
    assert office.terminal.demanded.sentence == "The payer declined."


def test_two_users_have_two_numbers():
    """A calling number is registered once."""
    office = Office(number="+81 90 1")
    with pytest.raises(UsageError, match="cannot be registered"):
        office.rig.customer("C").proving_terminal(number="+81 90 1")
    office.rig.close()


def test_there_are_two_apparatuses():
    """The one for third parties is not the one that settles, and knows none of its users."""
    rig = Rig()
    assert isinstance(rig.authentication_apparatus, AuthenticationApparatus)
    assert rig.apparatus is not rig.authentication_apparatus
    assert rig.apparatus.core.users is not rig.authentication_office.users
    rig.close()

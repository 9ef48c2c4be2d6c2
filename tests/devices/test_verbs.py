"""Verbs: what somebody outside does is recorded, and done when the world has come to rest."""

import pytest

from paybench.bank.secret import MASK
from paybench.devices.device import Device, verb
from paybench.devices.errors import ClockError, PartSilent, Unmet
from paybench.devices.trace import Act, State
from paybench.devices.world import World


class Bulb:
    kind = "bulb"
    gone = ""
    returns = False

    def __init__(self, name):
        self.name = name


class Lamp(Device):
    """Lights up a second after it was switched on."""

    role = "lamp"

    def __init__(self, world, name):
        super().__init__(world, name)
        self.bulb = Bulb(f"{name}.bulb")

    @verb("code", "pin")
    def switch(self, how, *, code="", pin=0):
        self.env.process(self.light_up(how))
        return (how, code, pin)

    @verb()
    def copy(self, other, times=1):
        for _ in range(times):
            self.switch(f"like {other.name}", code="inner")

    @verb()
    def wait(self, condition, patience):
        self.world.patience_s = patience
        self.world.wait_for(condition, self.bulb, "light")

    @verb()
    def settle(self):
        self.env.settle()

    @verb()
    def break_down(self):
        raise OSError("broken")

    def light_up(self, how):
        yield self.env.timeout(1)
        self.become(how)


@pytest.fixture
def world():
    world = World()
    world.staged = True
    return world


@pytest.fixture
def lamp(world):
    return Lamp(world, "A.lamp")


def acts(world):
    return [event for event in world.trace if isinstance(event, Act)]


def test_a_verb_is_recorded_and_returns_when_the_world_has_settled(world, lamp):
    """The act stands in the trace before its consequences, and its result comes after them."""
    assert lamp.switch("on") == ("on", "", 0)
    assert (lamp.state, world.env.now) == ("on", 1)
    lamp.switch(how="off")
    assert list(world.trace) == [
        Act(0, "A.lamp", "switch", {"how": "on"}),
        State(1_000_000_000, "A.lamp", "on", ""),
        Act(1_000_000_000, "A.lamp", "switch", {"how": "off"}),
        State(2_000_000_000, "A.lamp", "off", ""),
    ]


def test_arguments_are_shown_as_text_devices_by_name_and_secrets_as_dots(world, lamp):
    """What the trace shows of a verb's arguments gives no secret away, however it was passed."""
    lamp.switch("on", code="2468", pin=1357)
    lamp.copy(Lamp(world, "B.lamp"), 2)
    assert [act.arguments for act in acts(world)] == [
        {"how": "on", "code": MASK, "pin": MASK},
        {"other": "B.lamp", "times": "2"},
    ]


def test_a_secret_passed_by_position_is_shown_as_dots_too(world):
    """Masking goes by the parameter's name, not by how the argument was written."""

    class Safe(Device):
        @verb("combination")
        def unlock(self, combination, times):  # noqa: ARG002
            self.become(f"unlocked {times} times")

    Safe(world, "A.safe").unlock("1234", 2)
    assert acts(world) == [Act(0, "A.safe", "unlock", {"combination": MASK, "times": "2"})]


def test_a_verb_within_a_verb_is_part_of_it(world, lamp):
    """Only the outer verb is an act; the world settles once, after it."""
    lamp.copy(Lamp(world, "B.lamp"), times=3)
    assert [act.verb for act in acts(world)] == ["copy"]
    assert world.env.now == 1


def test_in_a_world_that_runs_by_itself_a_verb_is_the_plain_method():
    """Nobody stands outside a fleet: nothing is recorded, nothing waited for."""
    world = World()
    lamp = Lamp(world, "A.lamp")
    assert lamp.switch("on", code="2468") == ("on", "2468", 0)
    lamp.wait(lambda: False, 5)
    assert (world.env.now, len(world.trace), lamp.state) == (0, 0, "idle")
    world.env.run()
    assert lamp.state == "on"


def test_a_process_may_use_a_verb_as_a_plain_method(world, lamp):
    """Inside the world a verb is no act of somebody outside, and does not wait."""
    seen = []

    def process():
        yield world.env.timeout(1)
        lamp.switch("on")
        lamp.wait(lambda: False, 5)
        seen.append((world.env.now, lamp.state))

    world.env.process(process())
    world.env.settle()
    assert seen == [(1, "idle")]
    assert (world.env.now, lamp.state) == (2, "on")
    assert acts(world) == []


def test_a_process_that_makes_a_verb_run_the_world_is_told_not_to(world, lamp):
    """A verb that settles by itself, used inside the world, is refused with advice."""
    seen = []

    def process():
        yield world.env.timeout(1)
        with pytest.raises(ClockError, match="yield an event instead"):
            lamp.settle()
        with pytest.raises(ClockError, match="yield an event instead"):
            world.expect(lambda: True, who="A.lamp", expected="light", seen=lambda: "")
        seen.append(world.env.now)

    world.env.process(process())
    world.env.run()
    assert seen == [1]
    assert acts(world) == []


def test_a_verb_that_fails_leaves_the_world_usable(world, lamp):
    """The act stays in the trace, its error comes out, and the next verb works."""
    with pytest.raises(OSError, match="broken"):
        lamp.break_down()
    lamp.switch("on")
    assert [act.verb for act in acts(world)] == ["break_down", "switch"]
    assert lamp.state == "on"


def test_after_each_act_the_world_is_looked_at(world, lamp):
    """`after_act` is called once a verb, when its consequences have come."""
    seen = []
    world.after_act = lambda: seen.append((world.env.now, lamp.state))
    lamp.switch("on")
    lamp.copy(lamp, times=2)
    assert seen == [(1, "on"), (2, "like A.lamp")]


def test_a_verb_waits_for_what_a_part_does(world, lamp):
    """The world runs within the verb until the part has done it, and no longer."""
    world.env.background_timeout(3).callbacks.append(lambda _: lamp.become("lit"))
    lamp.wait(lambda: lamp.state == "lit", 10)
    assert world.env.now == 3


def test_a_part_that_does_nothing_is_named(world, lamp):
    """When patience ends the error names part, expectation and time; the verb was recorded."""
    with pytest.raises(
        PartSilent, match=r"light was expected from A\.lamp\.bulb within 10 s"
    ) as error:
        lamp.wait(lambda: False, 10)
    assert error.value.part == "A.lamp.bulb"
    assert world.env.now == 10
    assert len(acts(world)) == 1


def test_a_part_that_went_away_is_not_waited_for(world, lamp):
    """Losing the part ends the wait at once, and the error says why it is gone."""

    def break_it(_):
        lamp.bulb.gone = "unplugged"

    world.env.background_timeout(3).callbacks.append(break_it)
    with pytest.raises(PartSilent, match=r"A\.lamp\.bulb is gone: unplugged"):
        lamp.wait(lambda: False, 10)
    assert world.env.now == 3


def test_a_part_that_may_return_is_waited_for(world, lamp):
    """A part that is gone and looked for is waited for: it may come back and do what it should."""
    lamp.bulb.returns = True
    lamp.bulb.gone = "unplugged"
    lamp.wait(lambda: world.env.now >= 3, 10)
    assert world.env.now >= 3
    with pytest.raises(PartSilent, match=r"A\.lamp\.bulb is gone: unplugged"):
        lamp.wait(lambda: False, 10)


def test_an_expectation_is_an_act_that_waits(world, lamp):
    """An expectation is recorded, and met as soon as it holds; what comes later stays to come."""
    world.env.background_timeout(3).callbacks.append(lambda _: lamp.become("lit"))
    world.expect(
        lambda: lamp.state == "lit", who="A.lamp", expected="light", seen=lambda: lamp.state
    )
    assert world.env.now == 3
    assert acts(world) == [Act(0, "A.lamp", "expects", {"what": "light"})]


def test_an_expectation_that_is_not_met_tells_what_is_there_instead(world, lamp):
    """After the world's patience it fails with what was expected and what was seen."""
    world.patience_s = 10
    with pytest.raises(Unmet) as unmet:
        world.expect(
            lambda: False, who="A.lamp", expected="light", seen=lambda: f"a lamp {lamp.state}"
        )
    assert "light" in str(unmet.value)
    assert "a lamp idle" in str(unmet.value)
    assert world.env.now == 10


def test_verbs_can_be_found():
    """A console finds a device's verbs by their mark, with the name and text of the method."""
    verbs = {name for name in dir(Lamp) if getattr(getattr(Lamp, name), "is_verb", False)}
    assert verbs == {"switch", "copy", "wait", "settle", "break_down", "lose_power", "regain_power"}
    assert Lamp.switch.__name__ == "switch"

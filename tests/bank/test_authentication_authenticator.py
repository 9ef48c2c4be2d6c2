"""The authenticator: carries out what was agreed on, and nothing else."""

import hashlib
from itertools import permutations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from rounds import rounds
from test_authentication_enrolment import picture
from test_authentication_lockout import told

from paybench.bank.authentication import (
    COMPARATORS,
    INSECURE_SIMULATION,
    Authenticator,
    BiometricData,
    Comparator,
    Enrolment,
    Failed,
    FailureReason,
    Lockout,
    Method,
    Order,
    Passed,
    Question,
    Threshold,
    hashed,
    hashed_answer,
)
from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

QUESTION, PASSWORD, VOICE, PORTRAIT, FINGERPRINT, IRIS = Method
S = 1_000_000_000
USER = "+81-90-1234-5678"
SALT = bytes(range(16))
DOGS = ("Rex", "Hasso", "Bello")
TEMPLATES = {method: hashlib.sha256(method.encode()).digest() for method in COMPARATORS}

ENROLMENT = Enrolment(
    password=hashed("2468", SALT, INSECURE_SIMULATION),
    questions=tuple(
        Question(f"Dog {number}?", hashed_answer(dog, SALT, INSECURE_SIMULATION))
        for number, dog in enumerate(DOGS)
    ),
    portrait=BiometricData.of(picture()),
    **{method.value: BiometricData.of(data) for method, data in TEMPLATES.items()},
)


def noisy(data, wrong_bits):
    return BiometricData.of((int.from_bytes(data) ^ (1 << wrong_bits) - 1).to_bytes(len(data)))


def right(order):
    if order.method is PASSWORD:
        return Secret("2468")
    if order.method is QUESTION:
        return Secret(DOGS[int(order.prompt[4])].upper())
    return noisy(TEMPLATES[order.method], 20)


def wrong(order):
    if order.method in TEMPLATES:
        return noisy(TEMPLATES[order.method], 200)
    return Secret("13579")


def begin(*methods, enrolment=ENROLMENT, authenticator=None, pick=lambda n: n - 1, at_ns=0):
    authenticator = authenticator or Authenticator()
    return authenticator.begin(USER, enrolment, methods, pick, at_ns)


def finish(run, at_ns=0):
    """Do all that is ordered, rightly."""
    while isinstance(order := run.step, Order):
        if order.method.is_visual:
            run.clerk_says(order.number, is_the_user=True, at_ns=at_ns)
        else:
            run.answer(order.number, right(order), at_ns)
    return run.step


@pytest.mark.parametrize(
    "methods", [methods for size in range(4) for methods in permutations(Method, size)], ids=str
)
def test_carries_out_the_methods_in_their_order(methods):
    """Up to three methods in any order: each is ordered once, and who does all of them passes."""
    run, orders = begin(*methods), []
    while isinstance(run.step, Order):
        orders.append(run.step)
        if run.step.method.is_visual:
            run.clerk_says(run.step.number, is_the_user=True, at_ns=0)
        else:
            run.answer(run.step.number, right(run.step), 0)
    assert [order.method for order in orders] == list(methods)
    assert [order.number for order in orders] == list(range(1, len(methods) + 1))
    assert all(order.prompt.endswith((".", "?")) for order in orders)
    assert run.step == Passed(methods)


@pytest.mark.parametrize("last", Method)
@pytest.mark.parametrize("first", Method)
def test_a_wrong_one_fails_it(first, last):
    """One method that goes wrong fails the authentication, the first or the last, for good."""
    for bad in (first, last):
        run = begin(*dict.fromkeys((first, last)))
        while isinstance(order := run.step, Order):
            good = order.method is not bad
            if order.method.is_visual:
                run.clerk_says(order.number, is_the_user=good, at_ns=0)
            else:
                run.answer(order.number, (right if good else wrong)(order), 0)
        assert run.step == Failed(FailureReason.WRONG, bad)
        for number in range(4):
            run.answer(number, Secret("2468"), 0)
            run.clerk_says(number, is_the_user=True, at_ns=0)
            run.demand_password(0)
        assert run.step == Failed(FailureReason.WRONG, bad)


ANSWERS = [
    (Secret("2468"), PASSWORD),
    (Secret(DOGS[-1]), QUESTION),
    *((BiometricData.of(data), method) for method, data in TEMPLATES.items()),
    *((Secret(text), None) for text in ("", "rex", "\ud800", "\0", "====", "x" * 1_000_000)),
    *((BiometricData.of(data), None) for data in (b"\0", bytes(32), bytes(33), b"\xff" * 65_536)),
]
"""What may come from a paying terminal, and the method it is right for."""


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize(("answer", "good_for"), ANSWERS, ids=range(len(ANSWERS)))
def test_no_method_takes_anothers_answer(method, answer, good_for):
    """What is right for another method, or nonsense, is wrong and no error; the clerk's waits."""
    run = begin(method)
    order = run.step
    step = run.answer(1, answer, 0)
    if method is PORTRAIT:
        assert step is order
    elif method is good_for:
        assert step == Passed((method,))
    else:
        assert step == Failed(FailureReason.WRONG, method)


def test_a_sample_can_come_as_plain_text():
    """A message that knows no more than `Secret` carries a sample's text as well."""
    run = begin(IRIS)
    assert run.answer(1, Secret(noisy(TEMPLATES[IRIS], 5).reveal()), 0) == Passed((IRIS,))


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_takes_no_answer_to_another_order(number):
    """A late or doubled answer to a former order is not taken for one to the order that stands."""
    run = begin(PASSWORD, PORTRAIT, IRIS)
    run.answer(1, Secret("2468"), 0)
    order = run.step
    assert order.number == 2
    assert run.answer(number, Secret("13579"), 0) is order
    assert run.clerk_says(number, is_the_user=False, at_ns=0) is order


def test_payer_and_clerk_do_not_answer_for_each_other():
    """The clerk's order is not the payer's to answer, and the other way round."""
    run = begin(PORTRAIT)
    assert run.answer(1, Secret("2468"), 0) is run.step
    assert isinstance(run.step, Order)
    run = begin(PASSWORD)
    assert run.clerk_says(1, is_the_user=True, at_ns=0) is run.step
    assert isinstance(run.step, Order)


@pytest.mark.parametrize("index", range(3))
def test_asks_the_question_that_is_picked(index):
    """The pick is made among all of the user's questions, and only its own answer is right."""
    asked = []

    def pick(n):
        asked.append(n)
        return index

    run = begin(QUESTION, pick=pick)
    assert asked == [3]
    assert run.step.prompt == f"Dog {index}?"
    assert isinstance(run.answer(1, Secret(DOGS[index - 1]), 0), Failed)
    assert begin(QUESTION, pick=pick).answer(1, Secret(DOGS[index]), 0) == Passed((QUESTION,))


@pytest.mark.parametrize("missing", Method)
def test_what_is_not_registered_fails_before_it_begins(missing):
    """Nothing is asked of the user in a run that cannot be passed."""
    fields = {QUESTION: ("questions", ())}
    name, empty = fields.get(missing, (missing.value, None))
    filled = {field: getattr(ENROLMENT, field) for field in ENROLMENT.__struct_fields__}
    enrolment = Enrolment(**{**filled, name: empty})
    methods = (*(method for method in Method if method is not missing), missing)
    expected = Failed(FailureReason.NOT_REGISTERED, missing)
    assert begin(*methods, enrolment=enrolment).step == expected
    assert isinstance(begin(*methods[:-1], enrolment=enrolment).step, Order)
    if missing is PASSWORD:
        for run in (begin(*agreed, enrolment=enrolment) for agreed in ((), (VOICE,), (PORTRAIT,))):
            assert run.demand_password(0) == expected


@pytest.mark.parametrize(
    ("agreed", "done_before", "then"),
    [
        # nothing was agreed on, or all of it is done: the password is all that is left
        ((), 0, (PASSWORD,)),
        ((VOICE,), 1, (VOICE, PASSWORD)),
        # in the portrait's place, at once
        ((PORTRAIT,), 0, (PASSWORD,)),
        ((PORTRAIT, IRIS), 0, (PASSWORD, IRIS)),
        ((PORTRAIT, PASSWORD), 0, (PASSWORD,)),
        # not while something else is done: then on top
        ((VOICE, PORTRAIT), 0, (VOICE, PORTRAIT, PASSWORD)),
        ((VOICE, PORTRAIT), 1, (VOICE, PASSWORD)),
        # it is asked for already, or was
        ((PASSWORD, PORTRAIT), 0, (PASSWORD, PORTRAIT)),
        ((PASSWORD, PORTRAIT), 1, (PASSWORD,)),
        ((PASSWORD, PORTRAIT, IRIS), 1, (PASSWORD, IRIS)),
        ((PASSWORD, PORTRAIT), 2, (PASSWORD, PORTRAIT)),
    ],
)
def test_the_shop_can_demand_the_password(agreed, done_before, then):
    """The clerk cannot tell, or the shop wants more: the password, and once (claims 16, 36)."""
    run = begin(*agreed)
    for _ in range(done_before):
        order = run.step
        if order.method.is_visual:
            run.clerk_says(order.number, is_the_user=True, at_ns=0)
        else:
            run.answer(order.number, right(order), 0)
    run.demand_password(0)
    assert run.demand_password(0) is run.step  # a doubled demand demands no more
    assert finish(run) == Passed(then)


def test_a_failure_stays_what_it_was():
    """A demand that comes too late does not make another failure of it."""
    run = begin(IRIS, enrolment=Enrolment(iris=ENROLMENT.iris))
    failed = run.answer(1, Secret(""), 0)
    assert run.demand_password(0) is failed


def test_a_clerk_who_cannot_tell_cannot_say_yes_later():
    """Once the password stands in for the portrait, only the password counts."""
    run = begin(PORTRAIT)
    order = run.demand_password(0)
    assert order == Order(2, PASSWORD, "Enter your password.")
    for number in (1, 2):
        assert run.clerk_says(number, is_the_user=True, at_ns=0) is order
    assert run.answer(2, Secret("13579"), 0) == Failed(FailureReason.WRONG, PASSWORD)


def test_wrong_tries_lock_over_all_runs():
    """The third wrong password locks; then even the right one is not taken, until it is time."""
    authenticator = Authenticator()
    for n in range(3):
        step = begin(PASSWORD, authenticator=authenticator, at_ns=n).answer(1, Secret("1357"), n)
    assert step == Failed(FailureReason.WRONG, PASSWORD, 900 * S + 2)
    locked = Failed(FailureReason.LOCKED_OUT, PASSWORD, 900 * S + 2)
    assert begin(PASSWORD, authenticator=authenticator, at_ns=3).step == locked
    assert begin(IRIS, PASSWORD, authenticator=authenticator, at_ns=3).step == locked
    assert begin(authenticator=authenticator, at_ns=3).demand_password(3) == locked
    later = begin(PASSWORD, authenticator=authenticator, at_ns=900 * S + 2)
    assert later.answer(1, Secret("2468"), 900 * S + 2) == Passed((PASSWORD,))


def test_a_right_one_ends_the_count():
    """Two wrong passwords, a right one, and two wrong ones again do not lock."""
    authenticator = Authenticator()
    for password in ("1357", "1357", "2468", "1357", "1357", "2468"):
        step = begin(PASSWORD, authenticator=authenticator).answer(1, Secret(password), 0)
        assert isinstance(step, Passed) == (password == "2468")


def test_runs_side_by_side_give_no_more_tries():
    """Runs that were begun before the lock do not get round it."""
    authenticator = Authenticator()
    runs = [begin(PASSWORD, authenticator=authenticator) for _ in range(10)]
    steps = [run.answer(1, Secret("1357"), n) for n, run in enumerate(runs[:-1])]
    steps.append(runs[-1].answer(1, Secret("2468"), 10))
    reasons = [step.reason for step in steps]
    assert reasons == [FailureReason.WRONG] * 3 + [FailureReason.LOCKED_OUT] * 7


def test_being_right_elsewhere_gives_no_more_tries():
    """A known answer to a question does not set back the count of wrong passwords."""
    authenticator = Authenticator()
    for _ in range(3):
        assert finish(begin(QUESTION, authenticator=authenticator)) == Passed((QUESTION,))
        begin(PASSWORD, authenticator=authenticator).answer(1, Secret("1357"), 0)
    assert begin(PASSWORD, authenticator=authenticator).step.reason is FailureReason.LOCKED_OUT
    assert finish(begin(IRIS, authenticator=authenticator)) == Passed((IRIS,))


def test_a_clerk_locks_nobody_out():
    """However often clerks say no, the user can try elsewhere."""
    authenticator = Authenticator()
    for _ in range(10):
        begin(PORTRAIT, authenticator=authenticator).clerk_says(1, is_the_user=False, at_ns=0)
    assert finish(begin(*Method, authenticator=authenticator)) == Passed(tuple(Method))


def test_a_real_matcher_can_stand_in():
    """Each method is compared by its own comparator, template first."""

    class Recorder:
        def score(self, template, sample):
            seen.append((template, sample))
            return 1.0

    seen = []
    comparators = {**COMPARATORS, VOICE: Comparator(Recorder(), Threshold(1))}
    run = begin(VOICE, authenticator=Authenticator(comparators=comparators))
    assert run.answer(1, BiometricData.of(b"anything"), 0) == Passed((VOICE,))
    assert seen == [(TEMPLATES[VOICE], b"anything")]
    with pytest.raises(AuthenticationError, match="seen none for voice, iris: give"):
        Authenticator(comparators={FINGERPRINT: COMPARATORS[FINGERPRINT]})


@pytest.mark.parametrize("reason", FailureReason)
def test_each_failure_has_its_sentence(reason):
    """A person can read why; which method it was is not in it."""
    assert reason.sentence.endswith(".")
    assert not any(method.value in reason.sentence for method in Method)


class Authentications(RuleBasedStateMachine):
    """Several runs of one user at once, with right, wrong, late and misdirected answers."""

    def __init__(self):
        super().__init__()
        self.at_ns = 0
        self.authenticator = Authenticator(Lockout(tries=2, for_s=900))
        self.runs = []
        self.needed = []
        """Of each run: what must be right before it may pass."""
        self.were_right = []
        self.judged = {method: [] for method in Method}
        """When the apparatus looked at an answer, and whether it was right."""

    def open_ns(self, method):
        return told(self.judged[method], 2, 900)

    def some_run(self, data):
        """One of the latest: what happens to a run that is long over is seen in these as well."""
        newest = len(self.runs) - 1
        return data.draw(st.integers(max(0, newest - 2), newest))

    # Of three methods, one of them visual, so that runs meet in them.
    @rule(
        methods=st.lists(st.sampled_from([PASSWORD, VOICE, PORTRAIT]), unique=True),
        later_s=st.sampled_from([0, 0, 0, 0, 1, 899, 900, 1800, 7200, 100_000]),
        good=st.sampled_from([None, None, True, False, False]),
    )
    def begins(self, methods, later_s, good):
        """A run, some time after the last; its payer may answer at once."""
        self.at_ns += later_s * S
        run = begin(*methods, authenticator=self.authenticator, at_ns=self.at_ns)
        self.runs.append(run)
        self.needed.append(set(methods))
        self.were_right.append([])
        self.stands(run.step, -1)
        if isinstance(run.step, Order):
            assert run.step.method is methods[0]
        if good is not None:
            self.payer_answers_run(-1, good, 0)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), good=st.booleans(), late=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def payer_answers(self, data, good, late):
        self.payer_answers_run(self.some_run(data), good, late)

    def payer_answers_run(self, index, good, late):
        run, before = self.runs[index], self.runs[index].step
        answer = Secret("2468")
        if isinstance(before, Order) and not before.method.is_visual:
            answer = (right if good else wrong)(before)
        step = run.answer(getattr(before, "number", 1) + late, answer, self.at_ns)
        if late or not isinstance(before, Order) or before.method.is_visual:
            assert step is before
            return
        if any(self.at_ns < self.open_ns(method) for method in self.left(index)):
            assert step.reason is FailureReason.LOCKED_OUT
            return
        self.judged[before.method].append((self.at_ns, good))
        if good:
            self.were_right[index].append(before.method)
            self.stands(step, index)
        else:
            assert (step.reason, step.method) == (FailureReason.WRONG, before.method)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), good=st.booleans(), late=st.sampled_from([0, 0, 0, 1, -1]))
    def clerk_answers(self, data, good, late):
        index = self.some_run(data)
        run, before = self.runs[index], self.runs[index].step
        number = getattr(before, "number", 1) + late
        step = run.clerk_says(number, is_the_user=good, at_ns=self.at_ns)
        if late or not isinstance(before, Order) or not before.method.is_visual:
            assert step is before
        elif good:
            self.were_right[index].append(PORTRAIT)
            self.stands(step, index)
        else:
            assert step == Failed(FailureReason.WRONG, PORTRAIT)

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def shop_demands_the_password(self, data):
        index = self.some_run(data)
        before = self.runs[index].step
        step = self.runs[index].demand_password(self.at_ns)
        if isinstance(before, Failed):
            assert step is before
            return
        if isinstance(before, Order) and before.method.is_visual:
            self.needed[index].discard(PORTRAIT)
        self.needed[index].add(PASSWORD)
        self.stands(step, index)

    def left(self, index):
        return self.needed[index] - set(self.were_right[index])

    def stands(self, step, index):
        """After nothing went wrong: failed if and only if something that is left is locked."""
        locked = any(self.at_ns < self.open_ns(method) for method in self.left(index))
        assert isinstance(step, Failed) == locked
        assert not locked or step.reason is FailureReason.LOCKED_OUT

    @invariant()
    def passes_when_all_is_right_and_not_before(self):
        for run, needed, were_right in zip(self.runs, self.needed, self.were_right, strict=True):
            assert len(were_right) == len(set(were_right))
            if isinstance(run.step, Passed):
                assert set(were_right) == needed
                assert list(run.step.methods) == were_right
            elif isinstance(run.step, Order):
                assert run.step.method in needed - set(were_right)
                assert run.step.number <= len(Method)


class TestAuthentications(Authentications.TestCase):
    """In whatever order things happen, who passes has done all that was agreed on, in time."""

    settings = settings(max_examples=rounds(60), stateful_step_count=40, deadline=None)

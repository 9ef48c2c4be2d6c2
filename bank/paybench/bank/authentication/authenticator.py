"""The authenticator: carries out for one user what was agreed on (claims 14-19, 36, 42-43)."""

import enum
from collections.abc import Callable, Mapping

from msgspec import Struct

from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

from .biometric import BiometricData
from .enrolment import Enrolment, Question
from .lockout import Lockout
from .matcher import COMPARATORS, Comparator
from .method import Method


class Order(Struct, frozen=True):
    """What is to be done next.

    Args:
        number: its place in the run, from 1; an answer names it.
        method: what is wanted. Where `method.is_visual` the order is the clerk's, who is shown
            the enrolment's portrait; all others are the payer's.
        prompt: the same for a person to read; for a question, the question.
    """

    number: int
    method: Method
    prompt: str


class Passed(Struct, frozen=True):
    """The user is authenticated.

    Args:
        methods: what was carried out, in this order; empty where nobody demanded any.
    """

    methods: tuple[Method, ...] = ()


class FailureReason(enum.StrEnum):
    """Why an authentication failed. Each has a `sentence`."""

    WRONG = "wrong"
    """The answer was wrong, the sample not like enough, or the clerk did not see the user."""
    NOT_REGISTERED = "not-registered"
    LOCKED_OUT = "locked-out"
    """There were too many wrong tries, so no other was taken."""

    @property
    def sentence(self) -> str:
        """The reason in one sentence; it names no method."""
        return _SENTENCES[self]


_SENTENCES = {
    FailureReason.WRONG: "The user was not recognised.",
    FailureReason.NOT_REGISTERED: "The user has not registered what is asked for.",
    FailureReason.LOCKED_OUT: "There were too many wrong tries: wait before the next one.",
}


class Failed(Struct, frozen=True):
    """The user is not authenticated, and this run is over.

    Args:
        reason: why.
        method: at which method.
        locked_until_ns: when the next try by this method is taken; None: now.
    """

    reason: FailureReason
    method: Method
    locked_until_ns: int | None = None


Step = Order | Passed | Failed
"""Where a run stands."""


_PROMPTS = {
    Method.PASSWORD: "Enter your password.",
    Method.VOICE: "Speak now.",
    Method.PORTRAIT: "Compare the customer with the portrait.",
    Method.FINGERPRINT: "Put your finger on the sensor.",
    Method.IRIS: "Look into the camera.",
}


class AuthenticationRun:
    """One authentication of one user. Made by `Authenticator.begin`.

    Each method returns where the run stands then, which is also `step`. What does not fit - an
    answer to an order that no longer stands, the clerk's word where no portrait is shown, anything
    after `Failed` - changes nothing: messages may be lost, doubled and late.

    Attributes:
        step: where the run stands.
    """

    __slots__ = (
        "_carried_out",
        "_comparators",
        "_enrolment",
        "_left",
        "_lockout",
        "_orders",
        "_pick",
        "_question",
        "_user",
        "step",
    )

    def __init__(
        self,
        user: str,
        enrolment: Enrolment,
        methods: tuple[Method, ...],
        pick: Callable[[int], int],
        lockout: Lockout,
        comparators: Mapping[Method, Comparator],
        at_ns: int,
    ) -> None:
        self._user = user
        self._enrolment = enrolment
        self._pick = pick
        self._lockout = lockout
        self._comparators = comparators
        self._left = list(methods)
        self._carried_out: list[Method] = []
        self._question: Question | None = None
        self._orders = 0
        self.step: Step = self._next(at_ns)

    def answer(self, number: int, answer: Secret, at_ns: int) -> Step:
        """Take the payer's answer to an order.

        Args:
            number: the order's. An answer to any other changes nothing, nor does one to an order
                of the clerk's.
            answer: a text; for a biometric method `BiometricData`, or its text in a plain
                `Secret`.
            at_ns: now.
        """
        order = self.step
        if not isinstance(order, Order) or order.number != number or order.method.is_visual:
            return order
        # A run of the same user elsewhere may have locked it since the order went out.
        self.step = self._flaw(at_ns) or self._judged(order.method, answer, at_ns)
        return self.step

    def clerk_says(self, number: int, *, is_the_user: bool, at_ns: int) -> Step:
        """Take the clerk's word on the portrait (claims 15, 35).

        It does not count towards a lock-out: that would be in the hands of any shop. A clerk who
        cannot tell has the password demanded instead.

        Args:
            number: the order's, as for `answer`.
            is_the_user: whether the clerk recognises the user.
            at_ns: now.
        """
        order = self.step
        if not isinstance(order, Order) or order.number != number or not order.method.is_visual:
            return order
        if is_the_user:
            self._carry_out()
            self.step = self._next(at_ns)
        else:
            self.step = Failed(FailureReason.WRONG, order.method)
        return self.step

    def demand_password(self, at_ns: int) -> Step:
        """The billing side demands the password (claims 16, 36).

        While the portrait is looked at, in its place: the clerk cannot tell. That may be less than
        the user's demand, but a clerk could as well say yes. Otherwise on top of what is agreed
        on, even after `Passed`. A password that was right in this run is not asked for again.
        """
        if isinstance(self.step, Failed):
            return self.step
        instead = isinstance(self.step, Order) and self.step.method.is_visual
        if instead:
            del self._left[0]
        if Method.PASSWORD not in (*self._carried_out, *self._left):
            self._left.insert(0 if instead else len(self._left), Method.PASSWORD)
        if instead or isinstance(self.step, Passed):
            self.step = self._next(at_ns)
        else:
            self.step = self._flaw(at_ns) or self.step
        return self.step

    def _next(self, at_ns: int) -> Step:
        if not self._left:
            return Passed(tuple(self._carried_out))
        flaw = self._flaw(at_ns)
        if flaw is not None:
            return flaw
        self._orders += 1
        method = self._left[0]
        if method is Method.QUESTION:
            questions = self._enrolment.questions
            self._question = questions[self._pick(len(questions))]
            return Order(self._orders, method, self._question.text)
        return Order(self._orders, method, _PROMPTS[method])

    def _flaw(self, at_ns: int) -> Failed | None:
        """Why the run cannot be passed any more: it is not begun, or ends at once."""
        registered = self._enrolment.methods
        for method in self._left:
            if method not in registered:
                return Failed(FailureReason.NOT_REGISTERED, method)
            until_ns = self._lockout.locked_until_ns((self._user, method), at_ns)
            if until_ns is not None:
                return Failed(FailureReason.LOCKED_OUT, method, until_ns)
        return None

    def _judged(self, method: Method, answer: Secret, at_ns: int) -> Step:
        key = (self._user, method)
        if self._is_right(method, answer):
            self._lockout.succeeded(key)
            self._carry_out()
            return self._next(at_ns)
        self._lockout.failed(key, at_ns)
        return Failed(FailureReason.WRONG, method, self._lockout.locked_until_ns(key, at_ns))

    def _is_right(self, method: Method, answer: Secret) -> bool:
        if method is Method.QUESTION:
            return self._question is not None and self._question.answer.matches(answer)
        if method is Method.PASSWORD:
            password = self._enrolment.password
            return password is not None and password.matches(answer)
        template = self._enrolment.template(method)
        try:
            sample = BiometricData(answer.reveal())
        except AuthenticationError:
            return False
        return template is not None and self._comparators[method].accepts(
            template.data, sample.data
        )

    def _carry_out(self) -> None:
        self._carried_out.append(self._left.pop(0))


class Authenticator:
    """Begins authentications, and counts who fails too often.

    Wrong tries count by user and method, over all of the user's runs: being right in one method
    gives nobody more tries at another.

    Args:
        lockout: what counts them; None: one of its own with the defaults.
        comparators: how samples are compared with templates, for each biometric method.

    Raises:
        AuthenticationError: a biometric method has no comparator.
    """

    def __init__(
        self,
        lockout: Lockout | None = None,
        comparators: Mapping[Method, Comparator] = COMPARATORS,
    ) -> None:
        missing = [method for method in Method if method.is_biometric and method not in comparators]
        if missing:
            raise AuthenticationError(
                f"expected a comparator for each biometric method, seen none for "
                f"{', '.join(missing)}: give {{**COMPARATORS, ...}}"
            )
        self._lockout = Lockout() if lockout is None else lockout
        self._comparators = comparators

    def begin(
        self,
        user: str,
        enrolment: Enrolment,
        methods: tuple[Method, ...],
        pick: Callable[[int], int],
        at_ns: int,
    ) -> AuthenticationRun:
        """Begin the authentication of a user by all of some methods, one after the other.

        Args:
            user: who, for the lock-out; the calling number.
            enrolment: what the user has registered.
            methods: `Agreement.methods`.
            pick: draws an integer below its argument; it picks the question (claim 19).
            at_ns: now.
        """
        return AuthenticationRun(
            user, enrolment, methods, pick, self._lockout, self._comparators, at_ns
        )

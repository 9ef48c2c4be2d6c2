"""The agreement on a method of authentication, for every demand there can be."""

from itertools import chain, combinations, product

import pytest

from paybench.bank.authentication import (
    Agreement,
    BillingDemand,
    Disagreement,
    Ground,
    Method,
    UserDemand,
    accuracy,
    agree,
)

QUESTION, PASSWORD, VOICE, PORTRAIT, FINGERPRINT, IRIS = Method
NO_OR_YES = (False, True)


def subsets(methods):
    """Every set that can be made of them, the smallest first."""
    methods = sorted(methods)
    sizes = (combinations(methods, size) for size in range(len(methods) + 1))
    return [frozenset(subset) for subset in chain.from_iterable(sizes)]


BILLING = [BillingDemand(*demand) for demand in product((None, *Method), NO_OR_YES)]
USER = [UserDemand(*demand) for demand in product((None, *Method), NO_OR_YES, NO_OR_YES)]


@pytest.fixture(scope="module")
def results():
    """What comes of each combination of both sides' demands and what can be registered."""
    return {demands: agree(*demands) for demands in product(BILLING, USER, subsets(Method))}


def had(user, registered):
    """What can be had of the user."""
    return registered - {PORTRAIT} if user.no_portrait else registered


def own(user):
    """What the user demands, which is not what the user refuses."""
    return None if user.no_portrait and user.method is PORTRAIT else user.method


def suits_user(core, user):
    """Nothing less accurate than the user demands."""
    return own(user) is None or any(accuracy(one) >= accuracy(own(user)) for one in core)


def suits_shop(core, billing, available):
    """What it insists on; else nothing less accurate, unless that cannot be had: then anything."""
    if billing.method is None:
        return True
    if billing.insists:
        return billing.method in core
    if billing.method in available:
        return any(accuracy(one) >= accuracy(billing.method) for one in core)
    return bool(core)


def core_of(billing, user, available):
    """The fewest methods that suit both sides, of those that somebody demands; None: none do.

    The password is among them where there is nothing else.
    """
    candidates = {billing.method, own(user)} & available
    if not candidates:
        candidates = {PASSWORD} & available
    suiting = [
        core
        for core in subsets(candidates)
        if suits_user(core, user) and suits_shop(core, billing, available)
    ]
    fewest = [core for core in suiting if len(core) == len(suiting[0])]
    assert len(fewest) <= 1, "the rules leave a choice"
    return fewest[0] if fewest else None


def test_there_are_all_combinations(results):
    """Both sides' demands, each with what the user may have registered: 25,088."""
    assert len(results) == (7 * 2) * (7 * 2 * 2) * 2**6 == 25_088


def test_is_the_least_that_suits_both(results):
    """For all combinations: of all sets of methods, the smallest that keeps every rule, or none."""
    for (billing, user, registered), result in results.items():
        available = had(user, registered)
        core = core_of(billing, user, available)
        added = {PASSWORD} if user.adds_password else set()
        if core is None or not added <= available:
            assert isinstance(result, Disagreement), (billing, user, registered)
        else:
            expected = tuple(sorted(core | added, key=accuracy))
            assert result == Agreement(expected), (billing, user, registered)


def test_every_ground_is_true(results):
    """For all combinations: a disagreement names a method that was demanded and cannot be had."""
    grounds = set()
    for (billing, user, registered), result in results.items():
        refuses = billing.insists and billing.method is PORTRAIT and user.no_portrait
        if isinstance(result, Agreement):
            assert not refuses
            continue
        assert result.method not in had(user, registered)
        demands = {
            Ground.PORTRAIT_REFUSED: {PORTRAIT} if refuses else set(),
            Ground.INSISTED_UNAVAILABLE: {billing.method} if billing.insists else set(),
            Ground.OWN_UNAVAILABLE: {own(user), PASSWORD if user.adds_password else None},
            Ground.NOTHING_AVAILABLE: {billing.method} if PASSWORD not in registered else set(),
        }
        assert result.method in demands[result.reason], (billing, user, registered)
        assert refuses == (result.reason is Ground.PORTRAIT_REFUSED)
        grounds.add(result.reason)
    assert grounds == set(Ground)


def test_whoever_registers_more_loses_nothing(results):
    """For all combinations: where there is an agreement, one more registered method keeps it."""
    for (billing, user, registered), result in results.items():
        if isinstance(result, Agreement):
            for more in Method:
                assert isinstance(results[billing, user, registered | {more}], Agreement)


EVERYTHING = frozenset(Method)


@pytest.mark.parametrize(
    ("billing", "user", "registered", "methods"),
    [
        # nobody demands any
        (BillingDemand(), UserDemand(), EVERYTHING, ()),
        (BillingDemand(None, insists=True), UserDemand(), EVERYTHING, ()),
        # 20: one side's demand; 21: the more accurate one, whosever it is
        (BillingDemand(VOICE), UserDemand(), EVERYTHING, (VOICE,)),
        (BillingDemand(), UserDemand(VOICE), EVERYTHING, (VOICE,)),
        (BillingDemand(VOICE), UserDemand(IRIS), EVERYTHING, (IRIS,)),
        (BillingDemand(IRIS), UserDemand(VOICE), EVERYTHING, (IRIS,)),
        # insisting beside a more accurate one
        (BillingDemand(PORTRAIT, insists=True), UserDemand(IRIS), EVERYTHING, (PORTRAIT, IRIS)),
        # 24: another one than the portrait: the user's own, else the password
        (BillingDemand(PORTRAIT), UserDemand(VOICE, no_portrait=True), EVERYTHING, (VOICE,)),
        (BillingDemand(PORTRAIT), UserDemand(no_portrait=True), EVERYTHING, (PASSWORD,)),
        # likewise for what is not registered
        (BillingDemand(IRIS), UserDemand(), {PASSWORD, VOICE}, (PASSWORD,)),
        # 25 and 22: refused
        (BillingDemand(PORTRAIT, insists=True), UserDemand(no_portrait=True), EVERYTHING, None),
        (BillingDemand(VOICE, insists=True), UserDemand(), {PASSWORD}, None),
        (BillingDemand(), UserDemand(IRIS), {PASSWORD}, None),
        # the shop cannot talk it down
        (BillingDemand(PASSWORD, insists=True), UserDemand(IRIS), {PASSWORD}, None),
        # 26: the password on top, once
        (BillingDemand(VOICE), UserDemand(adds_password=True), EVERYTHING, (PASSWORD, VOICE)),
        (BillingDemand(PASSWORD), UserDemand(adds_password=True), EVERYTHING, (PASSWORD,)),
        (BillingDemand(VOICE), UserDemand(adds_password=True), {VOICE}, None),
    ],
)
def test_does_what_the_claims_say(billing, user, registered, methods):
    """The claims' own cases, one by one (20-22, 24-26)."""
    result = agree(billing, user, frozenset(registered))
    assert (result.methods if isinstance(result, Agreement) else None) == methods


@pytest.mark.parametrize("ground", Ground)
@pytest.mark.parametrize("method", Method)
def test_the_payer_can_read_why(ground, method):
    """Each disagreement has a sentence that says what was missed (claims 22, 25)."""
    sentence = Disagreement(ground, method).sentence
    assert sentence.startswith("No agreement on the method of authentication: ")
    assert sentence.endswith(".")
    noun = {QUESTION: "question"}.get(method, method.value)
    assert noun in sentence


def test_no_two_methods_are_as_accurate():
    """The order that docs/decisions/authentication-methods.md argues for is a strict one."""
    assert sorted(Method, key=accuracy) == [
        QUESTION, PASSWORD, VOICE, PORTRAIT, FINGERPRINT, IRIS
    ]  # fmt: skip
    assert len(set(map(accuracy, Method))) == len(Method)

"""Errors and reasons: all there, all explained."""

import pytest

from paybench.bank import BankError, Reason, errors


def tree(error: type[Exception]) -> set[str]:
    return {error.__name__}.union(*map(tree, error.__subclasses__()))


def test_draws_every_error():
    """The tree in the docstring of errors.py holds each exception of the bank and no other."""
    names = {name for name in tree(BankError) if hasattr(errors, name)}
    drawn = {word for word in errors.__doc__.split() if word.endswith("Error")}
    assert drawn == names == tree(BankError)


@pytest.mark.parametrize("reason", Reason)
def test_explains_every_reason(reason):
    """Each reason has one sentence without figures, and a kebab-case value to send."""
    assert reason.sentence.endswith(".")
    assert reason.value == reason.name.lower().replace("_", "-")

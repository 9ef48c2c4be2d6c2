"""Everything the scenarios room raises.

ScenarioError
├── UsageError              something was asked for that is not there, or not like this
├── ConservationBroken      money appeared or vanished (also AssertionError)
└── AnsweredLate            a real part took longer than its latency budget (also AssertionError)
"""

from __future__ import annotations


class ScenarioError(Exception):
    """Base of everything this room raises; its text is one sentence for a person."""


class UsageError(ScenarioError):
    """Something was asked for that is not there, or not like this: exit code 2."""


class ConservationBroken(ScenarioError, AssertionError):
    """The sum over all accounts and what is under way is not what it was."""


class AnsweredLate(ScenarioError, AssertionError):
    """A real part took longer to answer than its latency budget allows."""

"""Authentication: which method is agreed on, and how it is carried out (claims 14-26, 42-43).

Reading order: `method`, `agreement` (which), `password`, `biometric`, `enrolment` (what a user has
registered), `matcher`, `lockout`, `authenticator` (the run).
"""

from .agreement import Agreement, BillingDemand, Disagreement, Ground, UserDemand, agree
from .authenticator import (
    AuthenticationRun,
    Authenticator,
    Failed,
    FailureReason,
    Order,
    Passed,
    Step,
)
from .biometric import BIOMETRIC_MAX_BYTES, BiometricData
from .enrolment import QUESTIONS_MAX, Enrolment, Question
from .lockout import Lockout
from .matcher import COMPARATORS, Comparator, HammingMatcher, Matcher, Threshold
from .method import Method, accuracy
from .password import (
    INSECURE_SIMULATION,
    OWASP_MINIMUM,
    AnswerHash,
    Cost,
    PasswordHash,
    hashed,
    hashed_answer,
)

__all__ = [
    "BIOMETRIC_MAX_BYTES",
    "COMPARATORS",
    "INSECURE_SIMULATION",
    "OWASP_MINIMUM",
    "QUESTIONS_MAX",
    "Agreement",
    "AnswerHash",
    "AuthenticationRun",
    "Authenticator",
    "BillingDemand",
    "BiometricData",
    "Comparator",
    "Cost",
    "Disagreement",
    "Enrolment",
    "Failed",
    "FailureReason",
    "Ground",
    "HammingMatcher",
    "Lockout",
    "Matcher",
    "Method",
    "Order",
    "Passed",
    "PasswordHash",
    "Question",
    "Step",
    "Threshold",
    "UserDemand",
    "accuracy",
    "agree",
    "hashed",
    "hashed_answer",
]

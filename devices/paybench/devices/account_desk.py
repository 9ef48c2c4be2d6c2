"""The bank's desk for account holders: log in, statements, cancellation, restricted settlements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paybench.bank.money import Money
from paybench.bank.proof import Authentication
from paybench.bank.reason import Reason
from paybench.bank.restriction import Consent
from paybench.devices.admission import (
    ENTRY,
    ENTRY_BY_CODE,
    AuthenticationAnswer,
    AuthenticationDemand,
)
from paybench.devices.bank_line import hear
from paybench.devices.banking import (
    LOG_IN,
    AccountInquiry,
    AccountStatement,
    Challenge,
    ConsentGiven,
    ConsentWanted,
    LoggedIn,
    LogIn,
    LogOut,
    ProofOfHolder,
)
from paybench.devices.environment import FOREVER
from paybench.devices.port import Port
from paybench.devices.settling import CancellationDemand, CancellationResult
from paybench.devices.world import IGNORED

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.bank.account import AccountNumber
    from paybench.devices.bank_host import BankHost
    from paybench.devices.settling import SettlementDemand
    from paybench.devices.trace import Sent

ENTRIES_MAX = 100
SESSION_S = 900.0
"""How long a log in is good when nothing is asked there; terminals log out sooner by themselves."""
CHALLENGE_BYTES = 16


class AccountDesk:
    """Serves what account holders' terminals and shops' back offices ask of the bank.

    Args:
        host: The bank's host.
        consent_timeout_s: How long a shop may take to decide (D63).

    Attributes:
        back_offices: Name of the device that speaks for an account when its word is wanted.
        lines: Name of the line a gate belongs to, by the gate's: it may pass on proofs that were
            made for the line.
    """

    def __init__(self, host: BankHost, *, consent_timeout_s: float = 60.0) -> None:
        self.back_offices: dict[AccountNumber, str] = {}
        self.lines: dict[str, str] = {}
        self.consent_timeout_s = consent_timeout_s
        self._host = host
        self._bank = host.bank
        self._challenges: dict[str, tuple[AccountNumber, bytes]] = {}
        self._logged_in: dict[str, tuple[AccountNumber, int]] = {}
        self._consents: dict[str, Port] = {}
        self._due_ns = FOREVER
        host.serve(AuthenticationDemand, self._authenticate)
        host.serve(LogIn, self._log_in)
        host.serve(ProofOfHolder, self._check)
        host.serve(LogOut, self._log_out)
        host.serve(AccountInquiry, self._state)
        host.serve(CancellationDemand, self._cancel)
        host.serve(ConsentGiven, self._take_consent)

    def forget(self) -> None:
        """The power was gone: who was logged in is not, and no shop is waited for."""
        self._challenges.clear()
        self._logged_in.clear()
        self._consents.clear()

    # -- Fig 5A -------------------------------------------------------------------------------

    def _authenticate(self, demand: AuthenticationDemand, sent: Sent) -> None:
        proof, purpose, verifier = demand.proof, ENTRY, sent.sender
        if proof.purpose == ENTRY_BY_CODE:
            # No device is called "": who is no gate of a line passes on nothing of this kind.
            purpose, verifier = ENTRY_BY_CODE, self.lines.get(sent.sender, "")
        word = self._bank.authenticate(proof, purpose=purpose, verifier=verifier)
        self._host.decided(
            "authenticated" if word.authenticated else f"refused: {word.reason}",
            word.sentence,
            demand.session,
        )
        self._host.network.send(AuthenticationAnswer(demand.session, word), "D23", sent.sender)

    # -- S101, S107 ---------------------------------------------------------------------------

    def _log_in(self, message: LogIn, sent: Sent) -> None:
        chance = self._host.world.choices.stream("bank", "challenge")
        challenge = bytes(chance.below(256) for _ in range(CHALLENGE_BYTES))
        self._challenges[sent.sender] = (message.account, challenge)
        self._logged_in.pop(sent.sender, None)
        self._host.network.send(Challenge(challenge), "challenge", sent.sender)

    def _check(self, message: ProofOfHolder, sent: Sent) -> None:
        account, challenge = self._challenges.pop(sent.sender, (None, b""))
        if message.proof.account == account:
            word = self._bank.authenticate(
                message.proof, purpose=LOG_IN, verifier=sent.sender, challenge=challenge
            )
        else:  # nobody asked for this account here
            word = Authentication.of(message.proof.account, Reason.SIGNATURE_WRONG)
        if word.authenticated:
            self._logged_in[sent.sender] = (word.account, self._host.env.now_ns)
        self._host.decided("logged in" if word.authenticated else "not logged in", word.sentence)
        self._host.network.send(LoggedIn(word), "logged in", sent.sender)

    def _state(self, message: AccountInquiry, sent: Sent) -> None:
        account = self._who(sent.sender)
        if account is None:
            nothing = Money(0, self._bank.currency)
            statement = AccountStatement(nothing, nothing, refused="Log in first.")
        else:
            self._bank.mature(self._host.env.now_ns)
            count = min(max(message.entries, 0), ENTRIES_MAX)
            entries = tuple(self._bank.statement(account, count)) if count else ()
            balance, available = self._bank.balance(account), self._bank.available(account)
            statement = AccountStatement(balance, available, entries)
        self._host.network.send(statement, "S107", sent.sender)

    def _log_out(self, message: LogOut, sent: Sent) -> None:
        del message
        self._logged_in.pop(sent.sender, None)

    def _who(self, terminal: str) -> AccountNumber | None:
        """Whose log in at a terminal is still good; what is asked there keeps it so."""
        account, touched_ns = self._logged_in.pop(terminal, (None, 0))
        now_ns = self._host.env.now_ns
        if account is None or now_ns - touched_ns > SESSION_S * 1e9:
            return None
        self._logged_in[terminal] = (account, now_ns)
        return account

    # -- Fig 7A -------------------------------------------------------------------------------

    def _cancel(self, demand: CancellationDemand, sent: Sent) -> None:
        outcome = self._bank.cancel(demand.cancellation, self._host.env.now_ns)
        self._host.decided(f"cancellation: {outcome.state}", outcome.sentence, demand.settlement_id)
        result = CancellationResult(demand.settlement_id, outcome)
        self._host.network.send(result, "C2", sent.sender)

    def watch(self) -> None:
        """A settlement is provisory: make it formal when its period has passed."""
        due_ns = self._bank.next_due_ns()
        if due_ns is not None and due_ns < self._due_ns:
            self._due_ns = due_ns
            self._host.env.alarm_at(due_ns, self._ring)

    def _ring(self, due_ns: int) -> None:
        if due_ns != self._due_ns:
            return  # an earlier one took over
        self._due_ns = FOREVER
        self._host.env.now_ns = due_ns
        count = self._bank.mature(due_ns)
        if count:
            self._host.decided(f"{count} made formal", "the cooling-off period has passed")
        self.watch()

    # -- Fig 7B -------------------------------------------------------------------------------

    def ask_shop(self, demand: SettlementDemand, sent: Sent) -> None:
        """The payer is too young, and the shop decides (D63): the demand waits for its word."""
        if demand.settlement_id not in self._consents:
            self._consents[demand.settlement_id] = Port(self._host.env, self._host.name, "consent")
            self._host.run(self._ask(demand, sent))

    def _ask(self, demand: SettlementDemand, sent: Sent) -> Generator[Any, Any, None]:
        information, answers = demand.information, self._consents[demand.settlement_id]
        shop = self.back_offices.get(information.payee, "")
        consent = Consent.NO_ANSWER
        if shop and information.restriction is not None:
            wanted = ConsentWanted(
                demand.settlement_id, information.amount, information.restriction
            )
            self._host.network.send(wanted, "D63", shop)
            answer = yield from hear(  # nobody else has a say
                self._host, answers, demand.settlement_id, self.consent_timeout_s, sender=shop
            )
            if isinstance(answer, ConsentGiven):
                consent = answer.consent
        del self._consents[demand.settlement_id]
        self._host.settle(demand, sent, consent)

    def _take_consent(self, message: ConsentGiven, sent: Sent) -> None:
        answers = self._consents.get(message.settlement_id)
        if answers is not None:
            answers.put(sent)
        else:
            self._host.decided(IGNORED, "a decision nobody waits for", message.settlement_id)

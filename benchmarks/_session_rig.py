"""Sessions with everything on: terminals, phones, both networks and the trace, in one run."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from paybench.devices.environment import patient_collector
from paybench.scenarios import Rig

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.billing_terminal import BillingTerminal
    from paybench.devices.phone import Phone

PASSWORD = "2468"  # noqa: S105 - nobody's
SECONDS = 100
"""So long it takes until all have done the next thing, in the small run as in the large one: who
waits asks again now and then, and so the same work is compared."""


def live(sessions: int) -> float:
    """So many sessions in one run, all open before the first is billed; CPU seconds for each."""
    rig = Rig()
    rig.world.staged = False  # nobody does so much by hand
    shop = rig.shop("A")
    terminals = [shop.billing_terminal() for _ in range(sessions)]
    phones = []
    for number in range(sessions):
        customer = rig.customer(f"B{number}", balance="20.00", password=PASSWORD)
        phones.append(customer.phone())
        customer.subscribes(number=f"+49 {number:09}")
    rig.world.env.wait_until(lambda: False, 1)
    gc.collect()
    gc.freeze()  # as a fleet does: what is there lives as long as the run
    with patient_collector():  # as a run of a scenario has it
        taken_s, open_now = _told(rig, terminals, phones)
    gc.unfreeze()
    paid = sum(terminal.billing.state == "paid" for terminal in terminals)
    assert open_now == paid == sessions, f"{open_now} were open at a time, {paid} were paid"
    rig.finish()
    rig.close()
    return taken_s / sessions


def _told(rig: Rig, terminals: list[BillingTerminal], phones: list[Phone]) -> tuple[float, int]:
    """T1 to T9 of all of them; CPU seconds, and how many were open before the first was billed."""
    start_s = time.process_time()
    _each(rig, [terminal.start for terminal in terminals])
    numbers = [terminal.billing.tin for terminal in terminals]
    pairs = list(zip(phones, numbers, strict=True))
    _each(rig, [lambda phone=phone, tin=tin: phone.payer.enter(tin) for phone, tin in pairs])
    open_now = sum(terminal.billing.state == "ready" for terminal in terminals)
    _each(rig, [lambda terminal=terminal: terminal.bill("2.50") for terminal in terminals])
    _each(rig, [lambda phone=phone: phone.approve(password=PASSWORD) for phone in phones])
    return time.process_time() - start_s, open_now


def _each(rig: Rig, deeds: list[Callable[[], object]]) -> None:
    """Everybody does something, within `SECONDS`."""
    for second in range(SECONDS):
        for deed in deeds[second::SECONDS]:
            deed()
        rig.world.env.wait_until(lambda: False, 1)

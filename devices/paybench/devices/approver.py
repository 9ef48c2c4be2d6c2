"""The approver: makes sure that it is the owner who approves, by password or by finger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.bank.secret import Secret

if TYPE_CHECKING:
    from paybench.devices.fingerprint import FingerprintSensor
    from paybench.devices.store import Store

TRIES = 3
"""Wrong ones in a row that lock the device."""

_RECORD = "wrong tries"


class Approver:
    """Checks passwords and fingers, counts the wrong ones, and locks after too many.

    The count is in the device's store: taking its power away gives nobody another try.

    Args:
        password: The owner's; compared in constant time.
        sensor: The fingerprint sensor; None where there is none.
        store: The device's store.
    """

    __slots__ = ("_password", "_store", "sensor")

    def __init__(self, password: str, sensor: FingerprintSensor | None, store: Store) -> None:
        self._password = Secret(password)
        self._store = store
        self.sensor = sensor

    @property
    def locked(self) -> bool:
        """Whether too many were wrong: then nothing helps any more."""
        return (self._store.get(_RECORD, int) or 0) >= TRIES

    def flaw(self, password: str, finger: str) -> str:
        """Why what is presented does not do: ``wrong password``, ``wrong finger``; "" if it does.

        Once it is locked, nothing does any more.

        Args:
            password: What was typed; looked at where no finger was presented.
            finger: The finger on the sensor, "" for none.
        """
        if self.locked:
            return "locked"
        if finger:
            right = self.sensor is not None and self.sensor.matches(finger)
        else:
            right = Secret(password) == self._password
        if right:
            self._store.drop(_RECORD)
            return ""
        self._store.count_up(_RECORD)
        return "wrong finger" if finger else "wrong password"

    def reveal(self) -> str:
        """The password, for a bench to tell a real phone under test."""
        return self._password.reveal()

"""A driver of a real thing that goes away and comes back: unplugged, switched off, out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.hil.errors import PortUnavailable

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Mapping

    from paybench.devices.environment import Environment, Source
    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec
    from paybench.hil.transport import Transport

FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0
RECONNECT = {
    "reconnect": "yes (default), or no: whether to look for a thing that went away",
}


class PluggableDriver:
    """Brings what a transport hands over into the run, and finds the thing again when it is lost.

    A loss is input like any other: recorded, and the part is gone from then on. Unless the spec
    says `reconnect=no`, the transport is opened again, after pauses that get longer until the thing
    has said something; when that works, this is recorded too, and the part is back.

    Args:
        spec: Its spec.
        transport: The way to the thing; not yet open.
    """

    options: Mapping[str, str] = RECONNECT

    def __init__(self, spec: Spec, transport: Transport) -> None:
        spec.check_options(self.options)
        self._transport = transport
        self._reconnects = spec.choice("reconnect", "yes", "no") == "yes"
        self._part: Part | None = None
        self._env: Environment | None = None
        self._opened = False
        self._away = False
        self._heard = False
        self._retry_s = FIRST_RETRY_S

    @property
    def is_there(self) -> bool:
        """Whether the thing is open and has not gone away; in a replay it never is."""
        return self._opened and not self._away

    def probe(self) -> None:
        """Open it, and let go of it again.

        Raises:
            PortUnavailable: It is missing, busy or not permitted.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Take hold of it.

        Raises:
            PortUnavailable: It is missing, busy or not permitted.
        """
        self._transport.open()
        self._opened = True

    def close(self) -> None:
        """Let go of it."""
        self._opened = False
        self._transport.close()

    def attach(self, part: Part, world: World, source: Source, first: bytes = b"") -> None:
        """Let the thing into the run, from now on.

        Args:
            part: The part it stands in for.
            world: The part's world.
            source: What the run makes of it.
            first: What this end itself has to say before the thing does, for the recording.
        """
        self._part, self._env = part, world.env
        part.returns = self._reconnects
        world.env.attach(part.name, source)
        if self._opened and world.env.wall is not None:
            if first:
                world.env.inject(part.name, first)
            self._transport.start(world.env.wall.loop, self.take)

    def take(self, data: bytes, lost: str) -> None:
        """Bytes came, or, with `lost`, the thing went away; what comes after that is dropped."""
        if self._part is None or self._env is None or not self.is_there:
            return  # what reading has noticed, writing notices too
        self._heard = self._heard or bool(data)
        if lost:
            self._away = True
            self._transport.close()
        self._env.inject(self._part.name, data, lost)
        if lost:
            if self._heard:
                self._retry_s = FIRST_RETRY_S
            self._heard = False
            self._look_again()

    def _look_again(self) -> None:
        """Try to open it once more, a little later, and later each time."""
        assert self._env is not None
        assert self._env.wall is not None
        loop = self._env.wall.loop

        def look() -> None:
            # The part may have been given up for good meanwhile.
            if self._part is not None and self._part.returns:
                # In a thread: opening may wait, and the world must not.
                loop.run_in_executor(None, self._open_again).add_done_callback(opened)

        def opened(done: Future[bool]) -> None:
            if done.result() and self._opened:
                self._away = False
                self._transport.start(loop, self.take)
                if self._env is not None and self._part is not None:
                    self._env.inject(self._part.name)
            elif self._opened:
                self._look_again()

        loop.call_later(self._retry_s, look)
        self._retry_s = min(self._retry_s * 2, LONGEST_RETRY_S)

    def _open_again(self) -> bool:
        try:
            self._transport.open()
        except PortUnavailable:
            return False
        if not self._opened:  # closed meanwhile: nobody wants it any more
            self._transport.close()
        return True

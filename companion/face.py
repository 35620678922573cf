"""This file is what a toy shows of itself: its light and its journal tell the same, because both are told here only."""

from __future__ import annotations

from companion.audio import Audio
from companion.errors import Cause, NoReply, TurnError
from companion.journal import Journal
from companion.looks import loudness
from companion.motions import motion
from companion.ports import Light
from companion.state import State

OUT_OF_REACH = (Cause.UNREACHABLE, Cause.CLOCK)
"""Why a turn is lost when there is no way to the service."""

FOLLOW_EVERY = 4
"""Frames (40 ms) between two levels that the light is told: as often as it is rendered."""


class Face:
    """The state that everybody around the toy may know."""

    def __init__(self, light: Light, journal: Journal) -> None:
        self._light = light
        self._journal = journal
        self._state: State | None = None
        self._rests: State | None = None
        """What there is to show at rest, if it rests."""
        self.offline = False
        """Whether there is no way to the service, as far as anybody knows."""
        self._frames = 0
        self._refused = False
        """Whether the service refuses us until the owner mends it ..."""
        self._troubled = False
        """... or something else is missing that only the owner can mend: the light says so at rest."""

    @property
    def state(self) -> State | None:
        """What is shown; None before anything was."""
        return self._state

    def show(self, state: State) -> None:
        """Show `state` from now on."""
        self._rests = None
        self._show(state)

    def _show(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._light.show(state)
            self._journal.write("state", state=state.value)

    def follow(self, heard: Audio, played: Audio | None) -> None:
        """These 10 ms were `heard`, and `played` meanwhile (None where nobody knows): the light follows what it is
        about."""
        self._frames += 1
        if self._frames % FOLLOW_EVERY:
            return
        if self._state is State.LISTENING:
            self._light.show(self._state, loudness(heard.level))
        elif self._state is State.SPEAKING and played is not None:
            self._light.show(self._state, loudness(played.level))

    def gesture(self, text: str) -> None:
        """The character does something, in its own words."""
        self._light.gesture(motion(text))
        self._journal.write("gesture", text=text)

    def rest(self, state: State) -> None:
        """The same, unless there is something that the owner must mend, or the service is out of reach."""
        self._rests = state
        if self._refused or self._troubled:
            self._show(State.ATTENTION)
        else:
            self._show(State.OFFLINE if self.offline else state)

    def reached(self, there: bool) -> None:
        """Whether there is a way to the service, for which somebody has looked: at rest that is shown at once."""
        self.offline = not there
        if self._rests:
            self.rest(self._rests)

    def trouble(self) -> None:
        """Something is missing that only the owner can mend; the conversation goes on without it."""
        self._troubled = True

    def answered(self) -> None:
        """The service is there, and does not refuse us."""
        self._refused = self.offline = False

    def lost(self, error: TurnError, *, recovered: bool) -> None:
        """Note a turn that was lost; `recovered` if it can be told aloud."""
        if isinstance(error, NoReply):
            self._refused = error.cause is Cause.REFUSED
            self.offline = error.cause in OUT_OF_REACH
        self._light.gesture("falter")
        self._journal.write("fault", kind=error.kind, text=str(error), recovered=recovered)

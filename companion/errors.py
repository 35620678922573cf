"""The errors of Companion, sorted by what we do about them.

A `TurnError` loses the turn, never the toy. A `DeviceError` reopens the device. A `SettingsError` ends the
program with every mistake named, and the service does not start it again. Adapters translate their library's
exceptions at the seam, so that nothing above them names a library.
"""

from collections.abc import Sequence
from enum import StrEnum


class CompanionError(Exception):
    """Anything that went wrong and can be told in one sentence: `str(error)` is that sentence."""


class TurnError(CompanionError):
    """This turn is lost: say so in the character's voice, leave the history as it was, go on."""

    kind = "lost"


class NotHeard(TurnError):
    """Speech-to-text failed."""

    kind = "not_heard"


class NoVoice(TurnError):
    """Text-to-speech failed."""

    kind = "no_voice"


class Cause(StrEnum):
    """Why a reply did not come: chooses the line the character says, and the `kind` in the journal."""

    UNREACHABLE = "unreachable"  # no network, wrong address, connection lost
    CLOCK = "clock"  # this computer does not know the time, so no connection can be trusted
    SLOW = "slow"  # our own watchdog gave up
    THROTTLED = "throttled"  # too many requests or tokens just now
    REFUSED = "refused"  # key, account or request: the owner must mend it
    MODERATED = "moderated"  # the service would not hear or say this
    BROKEN = "broken"  # an answer that cannot be used
    TOO_LONG = "too_long"  # more was said than fits into a request


class NoReply(TurnError):
    """The chat model gave no usable reply."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause

    @property
    def kind(self) -> str:  # type: ignore[override]  # of the class above: there one word for all
        """The cause, as the journal names it."""
        return self.cause.value


class PromptTooLong(NoReply):
    """The service takes less in one request than it was sent: leave out more, and ask again."""

    def __init__(self, limit: int, sentence: str) -> None:
        """`limit`: tokens of the longest request that it takes."""
        super().__init__(Cause.TOO_LONG, sentence)
        self.limit = limit


class DeviceError(CompanionError):
    """A device, real or simulated, cannot be used as asked."""


class Deaf(DeviceError):
    """The microphone cannot be used; the toy may still have a voice."""

    kind = "deaf"


class AnotherRuns(CompanionError):
    """A toy is on duty here already: there can be no second one before that ends."""


class NotPulled(CompanionError):
    """A model was not brought here; what was here before still is."""


class SettingsError(CompanionError):
    """The settings hold mistakes; `mistakes` has one sentence for each of them."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)

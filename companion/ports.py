"""The seams: one small Protocol for each thing the mind needs and does not do itself.

Every implementation passes the suite of its port in `tests/contracts`. Doubles ship with the product
(`device/simulated.py`, `models/scripted.py`) and obey the same rules as the real thing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from companion.audio import Audio, Frame, Utterance
from companion.motions import Motion
from companion.state import State


class Clock(Protocol):
    """Time as the body lives it. In simulation it is made frame by frame, and stands still while an engine works."""

    def now(self) -> float:
        """Seconds of audio time since the start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of audio time pass."""
        ...

    def working(self) -> AbstractContextManager[None]:
        """Held while an engine computes or waits for the network: simulated time stands still meanwhile."""
        ...

    def engine_seconds(self) -> float:
        """Wall seconds for which time has stood still so far; always 0 where time does not wait for engines."""
        ...


class Microphone(Protocol):
    """The ears' only source."""

    async def read(self) -> Frame:
        """The next 10 ms; the first call opens the device. May be cancelled and called again: no frame is lost by
        that. Raises DeviceError; the next call tries again."""
        ...

    async def close(self) -> None:
        """Let go of the device: nothing is captured until the next `read`."""
        ...


class Speaker(Protocol):
    """One stream of sound.

    Its position counts the seconds of sound really heard so far: it stands still in silence and while paused, and
    goes back where a part is heard again.
    """

    volume: float
    """Amplitude of the full voice, 0 to 1 (1 is as it was made); what is set is bounded by what the owner allows."""

    @property
    def position(self) -> float:
        """Position in the sound heard: its seconds since the start. `resume(again)` sets it back."""
        ...

    async def open(self) -> None:
        """Get ready to play at once, where that takes a moment: something will be said soon. Raises DeviceError."""
        ...

    async def play(self, audio: Audio) -> float:
        """Append `audio` to what is sounding; the position at which it begins.

        Returns while the sound before it is still ending, early enough for the next piece to follow without a
        gap, and late enough for little to be queued. Raises DeviceError.
        """
        ...

    async def reach(self, position: float) -> float:
        """Wait until `position` has been heard (or the sound was stopped); when that was, on the body's clock."""
        ...

    def duck(self, decibels: float) -> None:
        """Play on, quieter by `decibels`; 0 is the full voice."""
        ...

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        ...

    def resume(self, again: float = 0.0) -> None:
        """Go on with what was left, and before it the last `again` seconds of what was heard: the position goes back
        by as much at once, and whoever waits for a position waits for it to be heard again. At least 2 s of what was
        queued since the last silence or stop are kept for this; what is not kept is not repeated. Not paused, it
        just plays on."""
        ...

    def stop(self) -> None:
        """Fall silent and forget what is left; the next sound starts unducked and unpaused."""
        ...


class Light(Protocol):
    """Shows what `companion.looks` says of a state."""

    def show(self, state: State, level: float = 0.0) -> None:
        """Show `state` from now on; `level` (0 to 1) is the loudness of the sound it follows."""
        ...

    def gesture(self, motion: Motion) -> None:
        """Do what `companion.motions` says of a gesture, for a moment; never over a state of `looks.SAFETY`, and not
        while another one lasts. What is shown does not change by it."""
        ...


class Press(StrEnum):
    """What a button tells: DOWN, then SHORT; or DOWN, then LONG, then UP; pressed shortly twice in a row DOWN, SHORT,
    DOWN, DOUBLE. One that cannot tell how long it is held leaves out what is between DOWN and UP."""

    DOWN = "down"
    """It is pressed, nobody knows yet for how long."""
    SHORT = "short"
    """It was let go soon."""
    DOUBLE = "double"
    """It was let go soon, for the second time in a row. The first time was told as SHORT, at once: nobody waits."""
    LONG = "long"
    """It has been held for a while, and still is."""
    UP = "up"
    """It was let go after that."""


class Button(Protocol):
    """The one button of a toy."""

    async def pressed(self) -> Press:
        """What it tells next. May be cancelled and called again: nothing is lost."""
        ...


class Control(Protocol):
    """What may be asked of a toy from outside: by a socket, a screen, another program."""

    def tell(self, text: str) -> None:
        """Something to know for the next answer, and only then."""
        ...

    def set_volume(self, to: float) -> None:
        """How loud it is from now on, 0 to 1; the owner's limit holds."""
        ...

    async def interrupt(self) -> None:
        """Stop talking or thinking, and listen."""
        ...

    async def mute(self) -> None:
        """Let go of the microphone until `unmute`."""
        ...

    def unmute(self) -> None:
        """Listen again."""
        ...

    async def forget(self) -> None:
        """Forget everything that was said, and drop what is just being answered."""
        ...

    def leave(self) -> None:
        """End, to begin again with what has changed since: settings, a new name."""
        ...


class Supervisor(Protocol):
    """Whoever started the toy, and starts it again when that shows no sign of life."""

    patience: float | None
    """Seconds without a sign of life after which it is started again; None: nobody waits for one."""

    def ready(self) -> None:
        """The toy is fit for use: for the first time, or again after `reloading`."""
        ...

    def status(self, sentence: str) -> None:
        """What it is doing, in words for people."""
        ...

    def alive(self) -> None:
        """A sign of life."""
        ...

    def reloading(self) -> None:
        """It reads its settings, and is `ready` again soon."""
        ...

    def stopping(self) -> None:
        """It ends, as it was told to."""
        ...


class EchoCanceller(Protocol):
    """Takes the toy's own sound out of what its microphone captures."""

    @property
    def learning(self) -> bool:
        """Whether it has just begun, or begun anew, and cannot take out much yet."""
        ...

    def cancel(self, captured: Audio, played: Audio) -> Audio:
        """What was `captured` in the next 10 ms of one stream, without the echo of what was `played` until then; both
        at `RATE`. Need not be asked while nothing was played for half a second."""
        ...

    def reset(self) -> None:
        """Forget the stream, and the room."""
        ...


class SpeechDetector(Protocol):
    """Says whether a frame holds speech."""

    def probability(self, frame: Audio) -> float:
        """How likely this frame, the next of one stream, belongs to speech: 0 to 1."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


class Engine(Protocol):
    """What every engine can do: a WakeWord, an EndOfTurn, a Transcriber, a ChatModel, a Voice."""

    async def load(self) -> None:
        """Get ready, in a thread; what is ready already does nothing. Raises the TurnError of its port."""
        ...


@dataclass(frozen=True, slots=True)
class Wake:
    """The toy was called."""

    phrase: str
    """By which of its names: lower case, "hey bunny"."""
    sure: bool
    """Whether that alone is enough; else the transcript of the same sound must hold the name too."""


class WakeWord(Engine, Protocol):
    """Hears the toy's name in a stream of frames. What is not loaded yet hears nothing."""

    def hears(self, frame: Audio) -> Wake | None:
        """Whether the name ended in this frame, the next 10 ms of one stream, or just before: told once each time it
        is said. Quick enough for the event loop."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


class EndOfTurn(Engine, Protocol):
    """Says from the sound alone whether somebody who pauses has finished."""

    async def probability(self, audio: Audio) -> float:
        """How likely, 0 to 1, the speaker of this utterance so far, at `RATE`, has finished. Raises NotHeard."""
        ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """What an utterance says, and who read it."""

    text: str
    """Empty when there was nothing to read."""
    engine: str


class Transcriber(Engine, Protocol):
    """Speech-to-text."""

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The words of one utterance. Raises NotHeard."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message on the wire."""

    role: str
    """"system", "user" or "assistant"."""
    content: str
    partial: bool = False
    """The last one, an assistant's, may be a beginning that the model goes on from."""


@dataclass(frozen=True, slots=True)
class LongTermMemory:
    """The service's own memory of a session: it is sent only what is new."""

    profile: str
    """The persona, which then is no system message."""
    entries: int
    """The service sums up whenever so many messages have not been summed up: 20 to 400."""
    skip: tuple[str, ...] = ()
    """Kinds of messages it shall not remember: system, user, assistant, output."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that one chat request depends on."""

    messages: Sequence[Message]
    """System message first (none with long-term memory); last a user's, or an assistant's that is partial."""
    seed: int
    """0 to 2^31 - 1; a fresh one each turn, because the service's own default is constant."""
    session: str
    """Opaque id under which the service caches the conversation's beginning, or remembers all of it."""
    memory: LongTermMemory | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one reply cost, as the service counted it."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_usd: float


class ChatModel(Engine, Protocol):
    """The character's mind."""

    async def warm(self) -> bool:
        """Open the way to the service, so that the next reply comes sooner; whether there is one. Never fails: the
        reply will tell why."""
        ...

    def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """The reply as it arrives: pieces of text, then at most one Usage. Use it within `aclosing`: closing it
        closes the HTTP stream. Raises NoReply."""
        ...

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """`count` (1 to 4) different replies, whole, and what they cost together. Raises NoReply."""
        ...


class Voice(Engine, Protocol):
    """Text-to-speech."""

    def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """The sound of one phrase, in pieces of one rate as they are ready; Speech where it is known when each word
        sounds. Use it within `aclosing`. Raises NoVoice."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal."""

    at: float
    """Seconds on the body's clock."""
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Observer = Callable[[Event], None]
"""Whoever wants to know what happens, at once: the journal file, the terminal, the summary."""

"""This file keeps a conversation alive: it gets the engines ready, obeys the button, and waits for lost devices."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from companion.audio import FRAME_SECONDS
from companion.calling import ByButton
from companion.character import WHILE_MUTED
from companion.conversation import Conversation
from companion.earcons import Earcon, Earcons
from companion.ears import Ears
from companion.errors import Deaf, DeviceError, TurnError
from companion.face import Face
from companion.journal import Journal, Turn
from companion.kept_mute import KeptMute
from companion.mind import Mind
from companion.ports import Button, Clock, Engine, Press, Speaker
from companion.prepared import Prepared
from companion.state import State
from companion.tasks import cancelled, first_of, meanwhile

RETRY_SECONDS = (1.0, 2.0, 3.0)
"""Pauses between attempts to get a device back; then the last of them, for ever: however long a device was gone, the
toy is to be there within five seconds of its return."""

BUSY = (None, State.BOOTING, State.THINKING, State.SPEAKING)
"""What is shown while nothing may come between the toy and its next words."""

LOOK_SECONDS = 0.1
"""Between two looks at whether the toy is busy."""

REACH_SECONDS = 10.0
"""Between two attempts to reach the service while it is out of reach: so late at most does the light know better."""


class Life:
    """One conversation, from switching on to switching off."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        face: Face,
        ears: Ears,
        speaker: Speaker,
        mind: Mind,
        engines: Mapping[str, Engine],
        button: Button,
        clock: Clock,
        journal: Journal,
        earcons: Earcons,
        kept_mute: KeptMute | None = None,
        held: ByButton | None = None,
        voices: Sequence[Prepared] = (),
        hears_since: float | None = None,
    ) -> None:
        """`engines` by the part they serve: "ears", "voice"; the mind loads the character's. `kept_mute`: what
        remembers over restarts that the toy is muted; None: nothing does. `held`: whoever speaks holds the button
        meanwhile; None: the button only calls, stops and mutes. `voices`: whose lines are made before they are needed.
        `hears_since`: when the microphone was open, for the journal; None: it was not."""
        self._conversation = conversation
        self._face = face
        self._ears = ears
        self._speaker = speaker
        self._mind = mind
        self._engines = {"character": mind, **engines}
        self._button = button
        self._clock = clock
        self._journal = journal
        self._earcons = earcons
        self._kept_mute = kept_mute
        self._held = held
        self._voices = voices
        self._hears_since = hears_since
        self._left = asyncio.Event()
        self._step: asyncio.Task[None] | None = None
        self._says_again = self._says_muted = False
        self._unmuted = asyncio.Event()
        if not (kept_mute and kept_mute.muted):
            self._unmuted.set()

    async def live(self) -> None:
        """Get ready, open, then listen and answer for ever. Ends by being cancelled, or left."""
        self._face.show(State.BOOTING if self._unmuted.is_set() else State.MUTED)
        await first_of(self._talk(), self._obey(), self._left.wait())

    async def interrupt(self) -> None:
        """Drop what the toy is saying or thinking, and listen again. Returns when nothing of it is left."""
        if self._step:
            await cancelled(self._step)
        self._conversation.invite()

    async def mute(self) -> None:
        """Fall silent and let go of the microphone, until `unmute`, whatever restarts there are."""
        self._unmuted.clear()
        try:
            await self.interrupt()
        finally:
            self._keep_mute()

    def unmute(self) -> None:
        """Listen again."""
        self._unmuted.set()
        self._keep_mute()

    async def again(self) -> None:
        """Say the last reply again."""
        self._says_again = self._unmuted.is_set()
        await self.interrupt()

    def leave(self) -> None:
        """End this life; whoever keeps the toy may begin another one, with what has changed since."""
        self._left.set()

    def trouble(self) -> None:
        """Something is missing that only the owner can mend: the light says so when nothing else goes on."""
        self._face.trouble()

    def set_volume(self, to: float) -> None:
        """How loud it is from now on, 0 to 1; the owner's limit holds."""
        self._speaker.volume = to

    def tell(self, text: str) -> None:
        """Something to know for the next answer, and only then."""
        self._mind.tell(text)

    async def forget(self) -> None:
        """Forget everything that was said; what is just being answered is dropped, or it would be remembered."""
        if self._face.state in (State.THINKING, State.SPEAKING):
            await self.interrupt()
        self._mind.history.forget()

    async def _talk(self) -> None:
        """The steps of its life, one after the other; each can be interrupted."""
        await self._do(self._get_ready())
        async with meanwhile() as begin:
            begin(self._prepare())
            begin(self._look_out())
            opened = False
            while True:
                if not self._unmuted.is_set():
                    await self._do(self._stay_mute())
                    continue
                if self._face.state is State.MUTED:  # all that follows may hear
                    self._face.show(State.LISTENING if opened else State.BOOTING)
                if not opened:
                    opened = await self._do(self._open())
                elif self._says_again:
                    self._says_again = False
                    await self._do(self._conversation.again())
                else:
                    await self._do(self._conversation.attend())

    async def _obey(self) -> None:
        """Do what the button asks: a short press calls or stops, two have it say that again, a long one mutes; or it is
        held to speak."""
        while True:
            match await self._button.pressed():
                case press if not self._unmuted.is_set():
                    await self._pressed_while_muted(press)
                case press if self._held:
                    await self._speak_up(self._held, press)
                case Press.LONG:
                    await self.mute()
                case Press.SHORT:
                    await self.interrupt()
                    await self._earcons.play(Earcon.LISTEN)
                case Press.DOUBLE:
                    await self.again()
                case _:
                    pass

    async def _speak_up(self, held: ByButton, press: Press) -> None:
        if held.begins(press, self._ears):
            await self.interrupt()
        held.press(press, self._ears)
        if press is Press.DOUBLE:
            await self.again()

    async def _pressed_while_muted(self, press: Press) -> None:
        match press:
            case Press.LONG:
                self.unmute()
            case Press.SHORT | Press.DOUBLE:
                self._says_muted = True
                await self.interrupt()
            case _:
                pass

    async def _do(self, step: Coroutine[Any, Any, None]) -> bool:
        """One step, unless it is interrupted. False if a device failed; it was waited for then."""
        self._step = asyncio.create_task(step)
        try:
            await first_of(self._step)
        except DeviceError as error:
            await self._do(self._mend(error))
            return False
        finally:
            self._step = None
        return True

    async def _get_ready(self) -> None:
        """Load the engines. The microphone is open before: nothing heavy may delay it."""
        if self._unmuted.is_set():
            with suppress(DeviceError):  # it will be missed when it is needed
                await self._ears.ignore(FRAME_SECONDS)
        seconds = await asyncio.gather(*(self._load(engine) for engine in self._engines.values()))
        if self._hears_since is not None:
            self._journal.write("ready", at=self._hears_since, part="microphone")
        for part, took in zip(self._engines, seconds, strict=True):
            self._journal.write("ready", part=part, stages={"load": round(took, 3)})

    async def _load(self, engine: Engine) -> float:
        """Seconds it took to load this engine. One that cannot be loaded will lose its turns, not the toy."""
        turn = Turn(self._clock, self._clock.now())
        try:
            await engine.load()
        except TurnError as error:
            self._face.lost(error, recovered=False)
            self._face.trouble()
        turn.stage("load")
        return turn.seconds

    async def _prepare(self) -> None:
        """Make the lines that will be needed, whenever the toy has nothing else to do."""
        for voice in self._voices:
            await voice.prepare(self._at_rest)

    async def _look_out(self) -> None:
        """See whether the service can be reached: in the beginning, and while it cannot."""
        while True:
            self._face.reached(await self._mind.warm())
            await self._clock.sleep(REACH_SECONDS)
            while not self._face.offline:
                await self._clock.sleep(REACH_SECONDS)

    async def _at_rest(self) -> None:
        """Wait until nobody speaks, and the toy neither thinks nor speaks."""
        while self._ears.hearing or self._face.state in BUSY:
            await self._clock.sleep(LOOK_SECONDS)

    async def _open(self) -> None:
        """Say the first words, once there is a microphone to hear the answer."""
        await self._ears.ignore(FRAME_SECONDS)
        await self._conversation.open()

    async def _stay_mute(self) -> None:
        """Without a microphone until somebody unmutes. The light is red while nothing is captured, and only then."""
        await self._ears.close()
        self._face.show(State.MUTED)
        if self._says_muted:
            self._says_muted = False
            await self._conversation.notice(WHILE_MUTED)
        else:
            await self._earcons.play(Earcon.MUTE)
        await self._unmuted.wait()
        await self._earcons.played(Earcon.UNMUTE)  # before it hears again, so that it does not hear that

    def _keep_mute(self) -> None:
        """So that it is known after a restart. The toy is silent now: nobody hears that it stands still meanwhile."""
        if self._kept_mute:
            try:
                self._kept_mute.keep(not self._unmuted.is_set())
            except OSError as error:
                sentence = f"it cannot be kept over a restart whether the toy is muted ({error.strerror or error})"
                self._journal.warn(sentence)

    async def _mend(self, error: DeviceError) -> None:
        """Wait for a device that failed, trying again and again: until the speaker is open and the microphone gives
        sound. Where only the microphone is missing, it says so, once."""
        self._journal.write("fault", kind="device", text=str(error), recovered=False)
        self._face.show(State.ATTENTION)
        told = False
        pauses = itertools.chain(RETRY_SECONDS, itertools.repeat(RETRY_SECONDS[-1]))
        pause = next(pauses)
        while True:
            await self._clock.sleep(pause)
            pause = next(pauses)
            try:
                await self._speaker.open()
                await self._ears.prove()
                break
            except Deaf as deaf:
                if not told:
                    told = True
                    await self._conversation.notice(deaf.kind)
                    pause = 0.0  # that was pause enough
            except DeviceError:
                pass
        self._journal.write("fault", kind="device", text=str(error), recovered=True)

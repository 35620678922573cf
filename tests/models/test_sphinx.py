from __future__ import annotations

import asyncio
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from companion.audio import RATE, Audio, Utterance
from companion.errors import NotHeard
from companion.ports import Transcript
from models.sphinx import SphinxTranscriber, plain, without_silent_ends

SPOKEN = {
    "color-rms": "what is your favorite color",
    "eat-awb": "what do you like to eat",
    "game-rms": "do you want to play a game with me",
}


def spoken(name: str) -> Utterance:
    """A recorded sentence between the silences that a microphone adds."""
    with wave.open(str(Path(__file__).parent / "speech" / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    quiet = np.random.default_rng(0).integers(0, 2, RATE // 2).astype(np.int16)
    return utterance(np.concatenate([quiet, samples, quiet]))


def utterance(samples: np.ndarray, rate: int = RATE) -> Utterance:
    audio = Audio(samples, rate)
    return Utterance(audio, began=0.0, ended=audio.seconds)


def read(*utterances: Utterance) -> list[str]:
    """What one transcriber makes of the utterances, in order."""

    async def one_by_one() -> list[str]:
        transcriber = SphinxTranscriber()
        return [(await transcriber.transcribe(each)).text for each in utterances]

    return asyncio.run(one_by_one())


def test_it_reads_what_was_said() -> None:
    assert read(*map(spoken, SPOKEN)) == list(SPOKEN.values())


def test_it_says_who_read() -> None:
    nothing = utterance(np.zeros(0, dtype=np.int16))
    assert asyncio.run(SphinxTranscriber().transcribe(nothing)) == Transcript("", "sphinx")


def test_an_utterance_is_read_for_itself_whatever_came_before() -> None:
    loud = spoken("game-rms")
    unclear = utterance((spoken("eat-awb").audio.samples[::2]).copy())  # twice as fast: hard to read
    first, _, _, again = read(unclear, loud, loud, unclear)
    assert first == again != ""


def test_a_quiet_voice_is_read_like_a_loud_one() -> None:
    quiet = (spoken("color-rms").audio.samples / 20).astype(np.int16)
    assert read(utterance(quiet)) == ["what is your favorite color"]


@pytest.mark.parametrize("level", [0, 1, 3000])
@pytest.mark.parametrize("length", [1, 100, RATE])
def test_without_speech_there_are_no_words(level: int, length: int) -> None:
    noise = np.random.default_rng(1).normal(0, level, length).astype(np.int16)
    assert read(utterance(noise)) == [""]


def test_a_cancelled_call_leaves_the_next_one_whole() -> None:
    async def cancel_and_ask_again() -> str:
        transcriber = SphinxTranscriber()
        await transcriber.transcribe(spoken("eat-awb"))
        dropped = asyncio.create_task(transcriber.transcribe(spoken("game-rms")))
        await asyncio.sleep(0)
        dropped.cancel()
        return (await transcriber.transcribe(spoken("eat-awb"))).text

    assert asyncio.run(cancel_and_ask_again()) == "what do you like to eat"


def test_a_call_cancelled_while_it_waits_for_another_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Audio] = []
    genuine = SphinxTranscriber._read

    def noted(self: SphinxTranscriber, audio: Audio) -> str:
        begun.append(audio)
        return genuine(self, audio)

    monkeypatch.setattr(SphinxTranscriber, "_read", noted)

    async def cancel_the_second(utterances: Sequence[Utterance]) -> None:
        transcriber = SphinxTranscriber()
        calls = [asyncio.create_task(transcriber.transcribe(each)) for each in utterances]
        await asyncio.sleep(0)
        calls[1].cancel()
        await asyncio.wait(calls)

    utterances = [spoken(name) for name in SPOKEN]
    asyncio.run(cancel_the_second(utterances))
    assert begun == [utterances[0].audio, utterances[2].audio]


def test_the_loop_turns_while_it_reads() -> None:
    async def longest_standstill() -> float:
        """The longest time between two turns of the loop, as a share of the time the reading took."""
        transcriber = SphinxTranscriber()
        await transcriber.transcribe(spoken("eat-awb"))
        reading = asyncio.create_task(transcriber.transcribe(spoken("game-rms")))
        turns = [time.perf_counter()]
        while not reading.done():
            await asyncio.sleep(0)
            turns.append(time.perf_counter())
        return max(np.diff(turns)) / (turns[-1] - turns[0])

    assert asyncio.run(longest_standstill()) < 0.4


def test_it_writes_nothing_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    read(spoken("color-rms"))
    assert capfd.readouterr() == ("", "")


def test_another_rate_is_refused() -> None:
    with pytest.raises(NotHeard, match="16000 Hz, not at 22050"):
        read(utterance(np.zeros(2205, dtype=np.int16), 22_050))


def test_a_missing_library_loses_the_turn_and_not_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(NotHeard, match="pocketsphinx cannot be loaded"):
        read(spoken("color-rms"))


def test_only_words_are_left_of_a_hypothesis() -> None:
    assert plain("<s> READ(2) ++BREATH++ it's <sil> [NOISE] a(3) </s>") == "read it's a"
    assert plain("") == ""


def test_silent_ends_are_cut_but_for_a_margin() -> None:
    tone = (8000 * np.sin(np.arange(RATE) * 0.2)).astype(np.int16)
    quiet = np.random.default_rng(0).integers(0, 2, RATE).astype(np.int16)
    cut = without_silent_ends(np.concatenate([quiet, tone, quiet, tone, quiet]))
    assert len(cut) / RATE == pytest.approx(3.1, abs=0.02)


def test_nothing_is_cut_from_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 300, RATE).astype(np.int16)
    assert len(without_silent_ends(noise)) == len(noise)

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import piper
import pytest
from standstill import longest_standstill
from toy_models import HUM, noted_sessions, toy_piper

from companion.audio import Audio
from companion.character import Espeak
from companion.errors import NoVoice, SettingsError
from models.espeak import EspeakVoice
from models.piper import Piper, check, language

THREE = "Good morning. Did you sleep well? I had a dream."


@pytest.fixture(autouse=True)
def asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything here works with the network cut off; whoever tries it nevertheless is found out."""
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError("the network is forbidden here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert asked == []


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_piper(tmp_path)


async def pieces(voice: Piper | EspeakVoice, text: str) -> list[Audio]:
    async with aclosing(voice.speak(text)) as spoken:
        return [piece async for piece in spoken]


def sound(voice: Piper | EspeakVoice, text: str = "Good morning.") -> Audio:
    return Audio.join(asyncio.run(pieces(voice, text)))


def hertz(audio: Audio) -> float:
    """Of a hum."""
    return float(np.count_nonzero(np.diff(audio.samples > 0))) / 2 / audio.seconds


def same(one: Audio, other: Audio) -> bool:
    return one.rate == other.rate and np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
def test_a_voice_speaks_at_its_own_rate(tmp_path: Path, rate: int) -> None:
    spoken = sound(Piper(toy_piper(tmp_path, rate=rate)))
    assert spoken.rate == rate
    assert hertz(spoken) == pytest.approx(HUM, rel=0.02)
    assert spoken.seconds == pytest.approx(0.945, abs=0.2)
    assert spoken.level == pytest.approx(-3, abs=0.1)


def test_every_sentence_is_a_piece_of_its_own(toy: Path) -> None:
    assert len(asyncio.run(pieces(Piper(toy), THREE))) == 3


def test_a_voice_can_be_slower(toy: Path) -> None:
    assert sound(Piper(toy, length_scale=1.5)).seconds == pytest.approx(1.5 * sound(Piper(toy)).seconds, rel=0.01)


def test_a_voice_may_have_several_speakers(tmp_path: Path) -> None:
    toy = toy_piper(tmp_path, speakers=2)
    assert [round(hertz(sound(Piper(toy, speaker=speaker))) / HUM) for speaker in (None, 0, 1)] == [1, 1, 2]


def test_the_same_phrases_sound_the_same_however_noisy_the_voice(tmp_path: Path) -> None:
    toy = toy_piper(tmp_path, noise=0.3)

    def spoken(seed: int) -> tuple[Audio, Audio]:
        onnxruntime.set_seed(seed)  # ONNX Runtime's own is the time at which a process began
        voice = Piper(toy)
        return sound(voice, "Good morning."), sound(voice, "Good morning.")

    first, second = spoken(10)
    assert not same(first, second)  # a rustle: each time another
    assert all(map(same, spoken(20), (first, second)))


@pytest.mark.parametrize("text", ["", "   ", "\n", "\0", "\x01", "\ud800"])
def test_what_cannot_be_spoken_is_nothing(toy: Path, text: str) -> None:
    assert asyncio.run(pieces(Piper(toy), text)) == []


def test_the_text_does_not_end_at_a_zero(toy: Path) -> None:
    assert same(sound(Piper(toy), "hello\0 there"), sound(Piper(toy), "hello  there"))


def test_phonemes_in_brackets_are_text(toy: Path) -> None:
    assert sound(Piper(toy), "[[f'0ks]]").seconds > 1.3 * sound(Piper(toy), "fox").seconds


def test_it_and_the_embedded_voice_leave_each_other_alone(toy: Path) -> None:
    ours, other = Piper(toy), EspeakVoice(Espeak())
    spoken, embedded = sound(ours), sound(other)
    assert same(sound(ours), spoken)
    assert same(sound(other), embedded)


def test_importing_and_making_it_cost_nothing() -> None:
    script = (
        "import sys; from pathlib import Path; from models.piper import Piper; Piper(Path('nowhere'));"
        "print(*{'piper', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_it_is_loaded_once_keeps_a_core_for_the_audio_and_burns_none(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = noted_sessions(monkeypatch)
    monkeypatch.setattr("os.cpu_count", lambda: 4)

    async def load_and_speak() -> None:
        voice = Piper(toy)
        await asyncio.gather(voice.load(), voice.load(), pieces(voice, THREE))

    asyncio.run(load_and_speak())
    (options,) = loaded
    assert options.intra_op_num_threads == 3
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


class Gate:
    """Lets sentences begin, and end only when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.entered = threading.Event()
        self.open = threading.Event()
        genuine = piper.PiperVoice.phoneme_ids_to_audio

        def through(*arguments: Any, **options: Any) -> Any:
            self.begun += 1
            self.entered.set()
            assert self.open.wait(30)
            return genuine(*arguments, **options)

        monkeypatch.setattr(piper.PiperVoice, "phoneme_ids_to_audio", through)


def test_sentences_are_made_only_when_they_are_asked_for(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    gate.open.set()

    async def close_after_the_first() -> None:
        voice = Piper(toy)
        async with aclosing(voice.speak(THREE)) as spoken:
            await anext(spoken)
        await voice.load()  # whatever still had to be done in the thread is done now
        assert gate.begun == 1
        assert len(await pieces(voice, THREE)) == 3

    asyncio.run(close_after_the_first())


def test_a_phrase_cancelled_in_the_middle_ends_at_once_and_the_next_one_is_whole(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sound(Piper(toy), "Good night.")
    gate = Gate(monkeypatch)

    async def cancel_and_speak() -> Audio:
        voice = Piper(toy)
        dropped = asyncio.create_task(pieces(voice, THREE))
        await asyncio.to_thread(gate.entered.wait, 30)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        following = asyncio.create_task(pieces(voice, "Good night."))
        await asyncio.sleep(0)
        assert gate.begun == 1
        gate.open.set()
        return Audio.join(await following)

    assert same(asyncio.run(cancel_and_speak()), whole)
    assert gate.begun == 2  # the sentence it was in, and the next phrase


def test_a_phrase_nobody_closes_leaves_the_next_one_whole(toy: Path) -> None:
    async def abandon_and_speak() -> tuple[list[Audio], AsyncGenerator[Audio, None]]:
        voice = Piper(toy)
        abandoned = voice.speak(THREE)
        await anext(abandoned)
        return await pieces(voice, THREE), abandoned

    assert len(asyncio.run(abandon_and_speak())[0]) == 3


def test_the_loop_turns_while_it_loads_and_speaks(toy: Path) -> None:
    voice = Piper(toy)
    assert longest_standstill(voice.load) < 0.25
    assert longest_standstill(lambda: pieces(voice, THREE * 20)) < 0.25


def test_a_missing_library_loses_the_turn_and_not_the_toy(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(NoVoice, match="cannot be loaded"):
        sound(Piper(toy))


def test_a_voice_that_the_library_refuses_loses_the_turn_until_it_is_mended(toy: Path) -> None:
    voice, whole = Piper(toy), toy.read_bytes()
    toy.write_bytes(whole[: len(whole) // 2])  # the download was cut
    check(toy)
    with pytest.raises(NoVoice, match="cannot be loaded"):
        sound(voice)
    toy.write_bytes(whole)
    assert sound(voice).seconds > 0.5


def test_a_phrase_that_fails_loses_the_turn_and_not_the_toy(toy: Path) -> None:
    config = described(toy)
    for spelling, mistake in ({"voice": "tlh"}, "Failed to set voice"), ({"voice": "en-us"}, None):
        write(toy, config | {"espeak": spelling})
        voice = Piper(toy)
        if mistake:
            with pytest.raises(NoVoice, match=f"could not speak the phrase: {mistake}"):
                sound(voice)
        else:
            assert sound(voice).seconds > 0.5


def test_an_error_of_the_runtime_loses_the_turn_and_not_the_toy(tmp_path: Path) -> None:
    toy = toy_piper(tmp_path, speakers=2)
    write(toy, described(toy) | {"num_speakers": 9})
    with pytest.raises(NoVoice, match="could not speak the phrase"):
        sound(Piper(toy, speaker=8))


def described(toy: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Path(f"{toy}.json").read_text())
    return value


def write(toy: Path, description: Any) -> None:
    Path(f"{toy}.json").write_text(json.dumps(description))


def sentence(onnx: Path, speaker: int | None = None) -> str:
    with pytest.raises(SettingsError) as refusal:
        check(onnx, speaker)
    assert len(refusal.value.mistakes) == 1
    return str(refusal.value)


def test_a_whole_voice_is_fine(toy: Path) -> None:
    check(toy)
    check(toy, speaker=0)


def test_a_missing_voice_is_refused(tmp_path: Path) -> None:
    assert "There is no Piper voice" in sentence(tmp_path / "en_US-none-low.onnx")
    assert "There is no Piper voice" in sentence(tmp_path)
    with pytest.raises(NoVoice, match="There is no Piper voice"):
        sound(Piper(tmp_path / "none.onnx"))


def test_a_voice_without_its_description_is_refused(toy: Path) -> None:
    Path(f"{toy}.json").unlink()
    assert "lacks en_US-toy-low.onnx.json: put a whole one there" in sentence(toy)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1", b"<html>not found</html>"])
def test_a_voice_that_is_no_network_is_refused(toy: Path, content: bytes) -> None:
    toy.write_bytes(content)
    assert "is not an ONNX model: put a whole one there" in sentence(toy)


@pytest.mark.parametrize("content", [b"", b'{"cut', b"\xff\xfe"])
def test_a_damaged_description_is_refused(toy: Path, content: bytes) -> None:
    Path(f"{toy}.json").write_bytes(content)
    assert ".onnx.json is damaged" in sentence(toy)


@pytest.mark.parametrize("key", ["audio", "espeak", "phoneme_id_map", "num_symbols", "num_speakers"])
@pytest.mark.parametrize("value", [None, "nonsense", {}, 0.5])
def test_a_description_of_something_else_is_refused(toy: Path, key: str, value: object) -> None:
    write(toy, described(toy) | {key: value})
    assert ".onnx.json is not the description of a Piper voice" in sentence(toy)


@pytest.mark.parametrize("wrong", [{"audio": {"sample_rate": 0}}, {"num_speakers": 0}])
def test_a_description_of_no_voice_at_all_is_refused(toy: Path, wrong: dict[str, Any]) -> None:
    write(toy, described(toy) | wrong)
    assert ".onnx.json is not the description of a Piper voice" in sentence(toy)


@pytest.mark.parametrize("description", [[], 7, {}, None])
def test_other_json_is_no_description(toy: Path, description: object) -> None:
    write(toy, description)
    assert ".onnx.json is not the description of a Piper voice" in sentence(toy)


def test_a_voice_that_would_download_more_is_refused(toy: Path) -> None:
    write(toy, described(toy) | {"phoneme_type": "pinyin"})
    assert "spells by pinyin" in sentence(toy)


@pytest.mark.parametrize("speaker", [-1, 2])
def test_a_speaker_it_does_not_have_is_refused(tmp_path: Path, speaker: int) -> None:
    assert f"has 2 speakers, counted from 0, and none is {speaker}" in sentence(
        toy_piper(tmp_path, speakers=2), speaker
    )


def test_its_language_is_what_it_says_or_else_that_of_its_phonemes(toy: Path) -> None:
    assert language(toy) == "en-us"
    older = described(toy)
    del older["language"]
    write(toy, older | {"espeak": {"voice": "cmn"}})
    assert language(toy) == "cmn"

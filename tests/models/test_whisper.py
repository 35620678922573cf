from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import pytest
from standstill import longest_standstill
from toy_models import toy_whisper

from companion.audio import RATE, Audio, Utterance
from companion.errors import NotHeard, SettingsError
from companion.ports import Transcript
from models.short_whisper import ShortWhisper
from models.whisper import WhisperTranscriber, check, english_only
from models.whisper_languages import code

WORDS = "What do you like to eat, my friend?"


@pytest.fixture(autouse=True)
def asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Everything here works with the network cut off; whoever tries it nevertheless is found out."""
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError("the network is forbidden here")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield asked
    assert asked == []


def utterance(seconds: float = 1.0, rate: int = RATE) -> Utterance:
    noise = np.random.default_rng(0).normal(0, 500, round(seconds * rate))
    return Utterance(Audio(noise.astype(np.int16), rate), began=0.0, ended=seconds)


def heard(folder: Path, language: str = "en", seconds: float = 1.0) -> str:
    transcriber = WhisperTranscriber(folder, language=language)
    return asyncio.run(transcriber.transcribe(utterance(seconds))).text


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_whisper(tmp_path / "toy", WORDS)


def test_it_reads_what_was_said_and_says_who_read(toy: Path) -> None:
    transcriber = WhisperTranscriber(toy, language="en")
    assert asyncio.run(transcriber.transcribe(utterance())) == Transcript(WORDS, "whisper")


@pytest.mark.parametrize("language", ["de", "zh", "en", "en-GB", "zh-Hant-TW", "EN_us"])
def test_a_multilingual_model_hears_every_language_it_has_a_token_for(toy: Path, language: str) -> None:
    check(toy, language)
    assert heard(toy, language) == WORDS


def test_an_english_model_hears_english(tmp_path: Path) -> None:
    toy = toy_whisper(tmp_path / "toy.en", WORDS, multilingual=False)
    check(toy, "en-US")
    assert heard(toy, "en-US") == WORDS


def test_the_library_agrees_on_which_models_are_english_only(tmp_path: Path) -> None:
    for multilingual in True, False:
        folder = toy_whisper(tmp_path / str(multilingual), WORDS, multilingual=multilingual)
        assert english_only(folder) is not multilingual
        assert faster_whisper.WhisperModel(str(folder), device="cpu").model.is_multilingual is multilingual


def test_words_of_other_scripts_are_whole(tmp_path: Path) -> None:
    assert heard(toy_whisper(tmp_path / "toy", "你好 Grüße 😀"), "zh") == "你好 Grüße 😀"


@pytest.mark.parametrize(
    ("silence", "unsure", "text"),
    [(True, True, ""), (True, False, WORDS), (False, True, WORDS)],
    ids=["doubtful words in silence", "clear words in silence", "doubtful words"],
)
def test_only_doubtful_words_in_silence_were_made_up(tmp_path: Path, silence: bool, unsure: bool, text: str) -> None:
    assert heard(toy_whisper(tmp_path / "toy", WORDS, silence=silence, unsure=unsure)) == text


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.001])
def test_next_to_nothing_holds_no_words(toy: Path, seconds: float) -> None:
    assert heard(toy, seconds=seconds) == ""


def test_another_rate_is_refused(toy: Path) -> None:
    transcriber = WhisperTranscriber(toy, language="en")
    with pytest.raises(NotHeard, match="16000 Hz, not at 22050"):
        asyncio.run(transcriber.transcribe(utterance(rate=22_050)))


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How often faster-whisper's own reading, which takes 30 s whatever there is, was asked, and for what."""
    asked: list[dict[str, Any]] = []
    genuine = faster_whisper.WhisperModel.transcribe

    def noted(self: Any, sound: np.ndarray, **options: Any) -> Any:
        asked.append({"sound": sound, **options})
        return genuine(self, sound, **options)

    monkeypatch.setattr(faster_whisper.WhisperModel, "transcribe", noted)
    return asked


@pytest.mark.parametrize("seconds", [0.3, 1.0, 10.0, 28.0])
def test_a_clear_reading_of_a_short_sound_is_the_only_one(
    toy: Path, whole: list[dict[str, Any]], seconds: float
) -> None:
    assert heard(toy, seconds=seconds) == WORDS
    assert whole == []


LAUGHTER = " ".join(["ha", "ho"] * 15)
LONG = " ".join(f"{first}{second}" for first in "abcdefgh" for second in "aeiou")


@pytest.mark.parametrize(
    ("text", "unsure", "seconds", "readings"),
    [(WORDS, True, 1.0, 1), (LAUGHTER, False, 5.0, 1), (LONG, False, 1.0, 1), (LONG, False, 5.0, 0)],
    ids=["doubtful", "in circles", "more than one can say in the time", "said in its time"],
)
def test_a_reading_that_cannot_be_trusted_is_done_once_more_with_all_of_the_context(
    tmp_path: Path, whole: list[dict[str, Any]], text: str, unsure: bool, seconds: float, readings: int
) -> None:
    assert heard(toy_whisper(tmp_path / "toy", text, unsure=unsure), seconds=seconds) == text
    assert len(whole) == readings


def test_silence_is_not_read_once_more(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    assert heard(toy_whisper(tmp_path / "toy", WORDS, silence=True, unsure=True)) == ""
    assert whole == []


def test_what_takes_all_of_the_context_is_read_once(toy: Path, whole: list[dict[str, Any]]) -> None:
    assert heard(toy, seconds=29.5) == WORDS
    assert len(whole) == 1


def test_the_library_is_asked_for_the_quickest_reading(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    heard(toy_whisper(tmp_path / "toy", WORDS, unsure=True), "de-AT")
    [asked] = whole
    assert asked["language"] == "de"
    assert (asked["beam_size"], asked["temperature"], asked["vad_filter"]) == (1, 0, False)
    assert (asked["without_timestamps"], asked["condition_on_previous_text"]) == (True, False)
    assert asked["sound"].dtype == np.float32
    assert 0.01 < np.abs(asked["sound"]).max() < 1


def test_a_vocabulary_without_a_token_for_the_language_is_read_the_slow_way_with_one_remark(
    toy: Path, whole: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = toy / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("<|de|>", "<|xx|>"))

    async def twice() -> list[str]:
        transcriber = WhisperTranscriber(toy, language="de")
        return [(await transcriber.transcribe(utterance())).text for _ in range(2)]

    asyncio.run(twice())
    assert len(whole) == 2
    [remark] = caplog.messages
    assert "reads slowly" in remark
    assert "vocabulary lacks" in remark


@pytest.mark.parametrize("token", ["<|notimestamps|>", "<|transcribe|>"])
def test_a_vocabulary_with_which_nothing_can_be_read_loses_the_turn_and_not_the_toy(toy: Path, token: str) -> None:
    tokenizer = toy / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace(token, "<|something else|>"))
    with pytest.raises(NotHeard, match="could not read the utterance"):
        heard(toy)


def test_importing_and_making_it_cost_nothing() -> None:
    script = (
        "import sys; from pathlib import Path; from models.whisper import WhisperTranscriber;"
        "WhisperTranscriber(Path('nowhere'), language='en');"
        "print(*{'faster_whisper', 'ctranslate2', 'tokenizers', 'av', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_it_is_loaded_once_however_often_it_is_asked_to(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[dict[str, Any]] = []

    class Noted(faster_whisper.WhisperModel):
        def __init__(self, folder: str, **options: Any) -> None:
            loaded.append(options)
            super().__init__(folder, **options)

    monkeypatch.setattr(faster_whisper, "WhisperModel", Noted)

    async def load_and_read() -> None:
        transcriber = WhisperTranscriber(toy, language="en", threads=2)
        await asyncio.gather(transcriber.load(), transcriber.load(), transcriber.transcribe(utterance()))
        await transcriber.load()

    asyncio.run(load_and_read())
    options = {"device": "cpu", "compute_type": "int8", "cpu_threads": 2, "local_files_only": True}
    assert loaded == [options]


def test_audio_keeps_a_core(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in (4, 3), (1, 1), (None, 1):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert WhisperTranscriber(toy, language="en")._threads == threads


class Gate:
    """Lets readings begin, and end only when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[int] = []
        self.decoded = 0
        self.entered = threading.Event()
        self.open = threading.Event()
        encode, decode = ShortWhisper.encode, ShortWhisper.decode

        def through(reader: ShortWhisper, sound: np.ndarray) -> Any:
            self.begun.append(len(sound))
            self.entered.set()
            assert self.open.wait(30)
            return encode(reader, sound)

        def counted(reader: ShortWhisper, encoded: Any, most: int) -> Any:
            self.decoded += 1
            return decode(reader, encoded, most)

        monkeypatch.setattr(ShortWhisper, "encode", through)
        monkeypatch.setattr(ShortWhisper, "decode", counted)


def test_a_call_cancelled_in_the_middle_ends_at_once_and_the_next_one_waits(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)

    async def cancel_and_ask_again() -> str:
        transcriber = WhisperTranscriber(toy, language="en")
        dropped = asyncio.create_task(transcriber.transcribe(utterance(1.0)))
        await asyncio.to_thread(gate.entered.wait, 30)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        unlucky = asyncio.create_task(transcriber.transcribe(utterance(2.0)))
        following = asyncio.create_task(transcriber.transcribe(utterance(3.0)))
        await asyncio.sleep(0)
        assert gate.begun == [RATE]
        unlucky.cancel()
        gate.open.set()
        return (await following).text

    assert asyncio.run(cancel_and_ask_again()) == WORDS
    assert gate.begun == [RATE, 3 * RATE]
    assert gate.decoded == 1  # what nobody waits for any more is not read to its end


def test_a_reading_that_nobody_waits_for_is_not_done_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[dict[str, Any]]
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    decode = ShortWhisper.decode

    def held(reader: ShortWhisper, encoded: Any, most: int) -> Any:
        entered.set()
        assert go_on.wait(30)
        return decode(reader, encoded, most)

    monkeypatch.setattr(ShortWhisper, "decode", held)

    async def cancel_and_ask_again() -> None:
        transcriber = WhisperTranscriber(toy_whisper(tmp_path / "toy", WORDS, unsure=True), language="en")
        dropped = asyncio.create_task(transcriber.transcribe(utterance(1.0)))
        await asyncio.to_thread(entered.wait, 30)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        go_on.set()
        await transcriber.transcribe(utterance(2.0))

    asyncio.run(cancel_and_ask_again())
    assert [len(asked["sound"]) for asked in whole] == [2 * RATE]


def test_the_loop_turns_while_it_loads_and_reads(toy: Path) -> None:
    transcriber = WhisperTranscriber(toy, language="en")
    assert longest_standstill(transcriber.load) < 0.25
    assert longest_standstill(lambda: transcriber.transcribe(utterance(20.0))) < 0.25


def test_without_a_tokenizer_nothing_is_asked_of_the_network(toy: Path, asked_of_the_network: list[object]) -> None:
    (toy / "tokenizer.json").unlink()
    with pytest.raises(NotHeard, match=r"cannot be loaded: .* lacks tokenizer\.json"):
        heard(toy)
    assert asked_of_the_network == []


def test_a_missing_library_loses_the_turn_and_not_the_toy(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(NotHeard, match="cannot be loaded"):
        heard(toy)


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_model_that_the_library_refuses_loses_the_turn_and_not_the_toy(toy: Path, name: str) -> None:
    if name == "model.bin":
        (toy / name).write_bytes((toy / name).read_bytes()[:5000])  # the download was cut
    else:
        (toy / name).write_text("{}")
    check(toy, "en")
    with pytest.raises(NotHeard, match="cannot be loaded"):
        heard(toy)


def test_once_the_model_is_mended_it_reads_again(toy: Path) -> None:
    transcriber = WhisperTranscriber(toy, language="en")
    whole = (toy / "model.bin").read_bytes()
    (toy / "model.bin").write_bytes(whole[:5000])
    with pytest.raises(NotHeard):
        asyncio.run(transcriber.load())
    (toy / "model.bin").write_bytes(whole)
    assert asyncio.run(transcriber.transcribe(utterance())).text == WORDS


def test_a_reading_that_fails_loses_the_turn_and_not_the_toy(toy: Path) -> None:
    (toy / "preprocessor_config.json").write_text(json.dumps({"feature_size": 128}))  # of another size of model
    with pytest.raises(NotHeard, match="could not read the utterance"):
        heard(toy)


def sentence(folder: Path, language: str = "en") -> str:
    with pytest.raises(SettingsError) as refusal:
        check(folder, language)
    assert len(refusal.value.mistakes) == 1
    return str(refusal.value)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(toy: Path, name: str) -> None:
    (toy / name).unlink()
    assert f"lacks {name}: put a whole one there" in sentence(toy)


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    assert "lacks model.bin, config.json, tokenizer.json, vocabulary.json:" in sentence(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "tiny.pt", "ggml-base.bin", "encoder.onnx"])
def test_a_model_for_another_library_is_told_apart(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "config.json").write_text("{}")
    assert f"another library than CTranslate2 ({name})" in sentence(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1", b"\6\0\0\0\x10\0TransformerSpec\0"]
)
def test_a_model_that_is_no_whisper_is_refused(toy: Path, content: bytes) -> None:
    (toy / "model.bin").write_bytes(content)
    assert "model.bin is not a Whisper model" in sentence(toy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.json"])
@pytest.mark.parametrize("content", ["", '{"cut', "7", "\xff"])
def test_a_damaged_file_is_named(toy: Path, name: str, content: str) -> None:
    (toy / name).write_bytes(content.encode("latin-1"))
    assert f"{name} is damaged: put a whole one there" in sentence(toy)


def test_no_folder_and_a_file_are_no_models(tmp_path: Path, toy: Path) -> None:
    assert "There is no folder" in sentence(tmp_path / "nowhere")
    assert "There is no folder" in sentence(toy / "model.bin")


@pytest.mark.parametrize("language", ["de", "zh-CN"])
def test_an_english_model_is_refused_for_another_language(tmp_path: Path, language: str) -> None:
    toy = toy_whisper(tmp_path / "toy.en", WORDS, multilingual=False)
    assert f"hears English only, not {language}" in sentence(toy, language)


@pytest.mark.parametrize("language", ["tlh", "", "yue"])
def test_a_language_that_no_token_stands_for_is_refused(toy: Path, language: str) -> None:
    assert "does not know the language" in sentence(toy, language)


@pytest.mark.parametrize("multilingual", [True, False])
def test_the_older_vocabulary_is_read_too(tmp_path: Path, multilingual: bool) -> None:
    toy = toy_whisper(tmp_path / "toy", WORDS, multilingual=multilingual)
    tokens = json.loads((toy / "vocabulary.json").read_text())
    (toy / "vocabulary.json").unlink()
    (toy / "vocabulary.txt").write_text("".join(f"{token}\n" for token in tokens))
    assert english_only(toy) is not multilingual
    check(toy, "en")
    assert heard(toy) == WORDS


def test_whisper_has_its_own_names_for_some_languages() -> None:
    assert [code(tag) for tag in ("nb-NO", "cmn", "jv", "fil", "pt_BR")] == ["no", "zh", "jw", "tl", "pt"]

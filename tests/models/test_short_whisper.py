from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from toy_models import toy_whisper

from models.random_whisper import Shape, write_whisper
from models.short_whisper import MOST_TOKENS, SPARE, WHOLE, Reading, ShortWhisper, most_tokens, spectrogram

WORDS = "What do you like to eat, my friend?"


def sound(seconds: float = 3.0, seed: int = 0) -> NDArray[np.float32]:
    samples = round(seconds * 16_000)
    noise = np.random.default_rng(seed).normal(0, 0.03, samples) * np.linspace(0, 1 + seed, samples)
    return noise.astype(np.float32)


class Same(FeatureExtractor):
    """To the last bit what the short reading takes: whose weights are random says something else for less."""

    def __call__(self, waveform: NDArray[np.float32], **_: object) -> NDArray[np.float32]:
        return np.pad(spectrogram(self, waveform), ((0, 0), (0, 1)))


def loaded(folder: Path) -> Any:
    model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    model.feature_extractor = Same(feature_size=len(model.feature_extractor.mel_filters))
    return model


def babbling(folder: Path, *, bands: int = 80, multilingual: bool = True) -> Path:
    """What it says depends on every frame of the sound, and it never ends."""
    shape = Shape(width=64, heads=4, layers=2, hidden=256, bands=bands, vocabulary=2000)
    write_whisper(folder, None, shape, multilingual=multilingual, spread=0.4)
    return folder


def stock(model: Any, audio: NDArray[np.float32], language: str = "en") -> Any:
    """The one segment that faster-whisper makes of it."""
    segments, _ = model.transcribe(
        audio,
        language=language,
        beam_size=1,
        temperature=0.0,
        without_timestamps=True,
        condition_on_previous_text=False,
        no_speech_threshold=None,
    )
    [segment] = segments
    return segment


def read(short: ShortWhisper, audio: NDArray[np.float32], *, spare: int = SPARE, most: int = MOST_TOKENS) -> Reading:
    encoded = short.encode(audio, spare=spare)
    assert encoded is not None
    return short.decode(encoded, most)


def up_to_30_seconds(audio: NDArray[np.float32]) -> int:
    return WHOLE - math.ceil(len(audio) / 320)


@pytest.mark.parametrize("seconds", [0.33, 3.0, 29.0])
@pytest.mark.parametrize("multilingual", [True, False])
@pytest.mark.parametrize("bands", [80, 128])
def test_with_30_seconds_before_it_it_reads_exactly_what_faster_whisper_reads(
    tmp_path: Path, bands: int, multilingual: bool, seconds: float
) -> None:
    model = loaded(babbling(tmp_path / "babbling", bands=bands, multilingual=multilingual))
    short = ShortWhisper(model, "en")
    texts = set()
    for seed in 0, 1:
        audio = sound(seconds, seed)
        expected, reading = stock(model, audio), read(short, audio, spare=up_to_30_seconds(audio))
        assert list(reading.tokens) == expected.tokens
        assert reading.text == expected.text
        assert reading.sureness == pytest.approx(expected.avg_logprob, rel=1e-6)
        assert reading.no_speech == pytest.approx(expected.no_speech_prob, rel=1e-6)
        assert not reading.complete
        texts.add(reading.text)
    assert len(texts) == 2  # otherwise it would say nothing that the two are the same


@pytest.mark.parametrize("language", ["en", "de", "zh"])
@pytest.mark.parametrize("text", [WORDS, "你好 Grüße 😀", "no"])
def test_a_text_that_ends_is_the_same_at_any_length(tmp_path: Path, text: str, language: str) -> None:
    model = loaded(toy_whisper(tmp_path / "toy", text))
    short = ShortWhisper(model, language)
    expected = stock(model, sound(), language)
    for spare in 0, SPARE, up_to_30_seconds(sound()):
        reading = read(short, sound(), spare=spare)
        assert list(reading.tokens) == expected.tokens
        assert reading.text == expected.text == f" {text}"
        assert reading.sureness == pytest.approx(expected.avg_logprob, abs=1e-6)
        assert reading.complete
        assert reading.trusted


def test_symbols_that_nobody_says_are_suppressed_as_in_faster_whisper(tmp_path: Path) -> None:
    model = loaded(toy_whisper(tmp_path / "toy", "well# then"))
    assert "#" not in stock(model, sound()).text
    assert read(ShortWhisper(model, "en"), sound()).text == stock(model, sound()).text


class Watched:
    """CTranslate2's model; what it is asked is noted."""

    def __init__(self, genuine: Any) -> None:
        self._genuine = genuine
        self.columns: list[int] = []
        self.options: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._genuine, name)

    def encode(self, features: Any, **options: Any) -> Any:
        self.columns.append(features.shape[2])
        return self._genuine.encode(features, **options)

    def generate(self, encoded: Any, prompts: list[list[int]], **options: Any) -> Any:
        self.options = options
        return self._genuine.generate(encoded, prompts, **options)

    def detect_language(self, *_: object) -> None:
        raise AssertionError("the language is told")


def test_the_encoder_sees_the_sound_and_a_little_more(tmp_path: Path) -> None:
    model = loaded(toy_whisper(tmp_path / "toy", WORDS))
    model.model = watched = Watched(model.model)
    short = ShortWhisper(model, "en")
    for seconds in 0.1, 1.0, 4.0, 10.01:
        read(short, sound(seconds))
    assert watched.columns == [2 * (positions + SPARE) for positions in (5, 50, 200, 501)]


def test_it_takes_the_likeliest_token_and_no_other_chance(tmp_path: Path) -> None:
    model = loaded(toy_whisper(tmp_path / "toy", WORDS))
    model.model = watched = Watched(model.model)
    read(ShortWhisper(model, "de"), sound())
    assert watched.options["beam_size"] == 1
    assert watched.options["suppress_blank"] is True
    assert "sampling_temperature" not in watched.options


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_next_to_nothing_is_not_encoded(tmp_path: Path, seconds: float) -> None:
    assert ShortWhisper(loaded(toy_whisper(tmp_path / "toy", WORDS)), "en").encode(sound(seconds)) is None


def test_what_fills_30_seconds_cannot_be_read_shorter(tmp_path: Path) -> None:
    short = ShortWhisper(loaded(toy_whisper(tmp_path / "toy", WORDS)), "en")
    longest = (WHOLE - SPARE) / 50
    assert short.encode(sound(longest)) is not None
    assert short.encode(sound(longest + 0.02)) is None


@pytest.mark.parametrize("most", [8, 16, 20, 21, 199, MOST_TOKENS])
def test_a_text_without_end_is_cut_off_at_exactly_so_many_tokens(tmp_path: Path, most: int) -> None:
    reading = read(ShortWhisper(loaded(babbling(tmp_path / "babbling")), "en"), sound(), most=most)
    assert len(reading.tokens) == most
    assert not reading.complete
    assert not reading.trusted


def test_a_text_just_shorter_than_it_may_be_is_whole(tmp_path: Path) -> None:
    short = ShortWhisper(loaded(toy_whisper(tmp_path / "toy", WORDS)), "en")
    tokens = len(read(short, sound()).tokens)
    assert read(short, sound(), most=tokens + 1).complete
    assert not read(short, sound(), most=tokens).complete


def test_how_many_tokens_a_text_may_have_goes_with_its_length() -> None:
    assert [most_tokens(seconds) for seconds in (0.0, 1.0, 4.0, 30.0)] == [16, 24, 48, MOST_TOKENS]


@pytest.mark.parametrize(
    ("reading", "silent", "trusted"),
    [
        (Reading((1,), "Yes.", -0.2, 0.1, True), False, True),
        (Reading((1,), "Yes.", -0.2, 0.9, True), False, True),
        (Reading((1,), "Thank you.", -1.2, 0.9, True), True, False),
        (Reading((1,), "Yes.", -1.2, 0.1, True), False, False),
        (Reading((1,), "Yes.", -0.2, 0.1, False), False, False),
        (Reading((1,), "ha ha ha ha ha ha ha ha ha ha ha ha ha ha", -0.2, 0.1, True), False, False),
        (Reading((), "", 0.0, 0.1, True), False, True),
    ],
    ids=["clear", "clear over noise", "made up in silence", "doubtful", "cut off", "in circles", "nothing"],
)
def test_when_a_reading_is_trusted(reading: Reading, silent: bool, trusted: bool) -> None:
    assert (reading.silent, reading.trusted) == (silent, trusted)


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.1, 4.0, 29.9])
def test_it_hears_what_faster_whisper_hears(bands: int, seconds: float) -> None:
    extractor = FeatureExtractor(feature_size=bands)
    heard, expected = spectrogram(extractor, sound(seconds)), extractor(sound(seconds))[:, :-1]
    assert heard.shape == expected.shape
    assert heard.dtype == expected.dtype
    assert np.allclose(heard, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("token", ["<|notimestamps|>", "<|startoflm|>", "<|en|>", "<|endoftext|>"])
def test_a_vocabulary_that_lacks_what_it_needs_is_refused(tmp_path: Path, token: str) -> None:
    folder = toy_whisper(tmp_path / "toy", WORDS)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace(token, "<|something else|>"))
    with pytest.raises(ValueError, match="vocabulary lacks"):
        ShortWhisper(loaded(folder), "en")

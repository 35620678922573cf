from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from toy_models import toy_smart_turn

from companion.audio import RATE, Audio, Samples
from companion.errors import NotHeard, SettingsError
from models.smart_turn import SmartTurn, check, window

NOISE = (3000 * np.random.default_rng(0).standard_normal(9 * RATE)).astype(np.int16)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_smart_turn(tmp_path / "toy.onnx")


def judged(onnx: Path, samples: Samples) -> float:
    return asyncio.run(SmartTurn(onnx).probability(Audio(samples)))


def log_mel(samples: Samples) -> np.ndarray:
    """Whisper's spectrogram by its definition, frame by frame: what the model was trained on."""
    from faster_whisper.feature_extractor import FeatureExtractor

    sound = np.zeros(8 * RATE)
    newest = samples[-8 * RATE :] / 32768
    sound[len(sound) - len(newest) :] = newest
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound, 200, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.array([np.abs(np.fft.rfft(padded[n * 160 : n * 160 + 400] * hann)) ** 2 for n in range(800)]).T
    mel = np.log10(np.maximum(FeatureExtractor.get_mel_filters(RATE, 400, 80) @ power, 1e-10))
    return (np.maximum(mel, mel.max() - 8) + 4) / 4


def shown(toy: Path, samples: Samples) -> np.ndarray:
    """What the model is shown of a sound."""
    turn = SmartTurn(toy)
    asyncio.run(turn.load())
    inputs: list[np.ndarray] = []

    def run(_: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        inputs.append(given["input_features"])
        return [np.array([[0.5]], dtype=np.float32)]

    assert turn._judge is not None
    turn._judge._session = SimpleNamespace(run=run)
    asyncio.run(turn.probability(Audio(samples)))
    return inputs[0]


@pytest.mark.parametrize("seconds", [0.5, 3, 9])
def test_the_model_is_shown_the_spectrogram_that_it_was_trained_on(toy: Path, seconds: float) -> None:
    samples = NOISE[: round(seconds * RATE)]
    features = shown(toy, samples)
    assert features.shape == (1, 80, 800)
    assert features.dtype == np.float32
    assert np.allclose(features[0], log_mel(samples), atol=2e-3)


def test_what_is_shorter_than_the_window_stands_at_its_end() -> None:
    seen = window(NOISE[:RATE])
    assert len(seen) == 8 * RATE
    assert np.ptp(seen[: 7 * RATE]) == 0
    assert np.ptp(seen[7 * RATE :]) > 1


def test_only_the_last_eight_seconds_count(toy: Path) -> None:
    before = np.concatenate([np.zeros(5 * RATE, dtype=np.int16), NOISE[-8 * RATE :]])
    assert judged(toy, NOISE) == judged(toy, before)
    assert judged(toy, NOISE[-8 * RATE :]) == judged(toy, before)


def test_how_loud_somebody_speaks_does_not_matter() -> None:
    assert np.allclose(window(NOISE), window(NOISE // 2 * 2), atol=1e-2)
    assert window(NOISE).mean() == pytest.approx(0, abs=1e-3)
    assert window(NOISE).std() == pytest.approx(1, abs=1e-3)


def test_the_answer_is_the_model_s_own(toy: Path) -> None:
    mean = log_mel(NOISE)[:, -100:].mean()
    assert judged(toy, NOISE) == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-3)


def test_it_judges_off_the_loop(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def noted(samples: Samples) -> np.ndarray:
        threads.append(threading.current_thread())
        return window(samples)

    monkeypatch.setattr("models.smart_turn.window", noted)
    judged(toy, NOISE)
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"<html>", "not a model in ONNX's format"), (b"", "not a model in ONNX's format")]
)
def test_a_file_of_another_kind_is_told_in_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        check(wrong)
    with pytest.raises(NotHeard, match=reason):
        asyncio.run(SmartTurn(wrong).load())


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no file"):
        check(tmp_path / "none.onnx")
    with pytest.raises(SettingsError, match="cannot be read"):
        check(tmp_path)


def test_a_damaged_model_is_told_when_it_is_loaded(toy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    toy.write_bytes(toy.read_bytes()[:200])
    check(toy)
    with pytest.raises(NotHeard, match="Smart Turn cannot be loaded"):
        asyncio.run(SmartTurn(toy).load())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", [{"name": "input"}, {"columns": 3000}])
def test_a_model_for_something_else_is_told_when_it_is_loaded(tmp_path: Path, wrong: dict[str, object]) -> None:
    other = toy_smart_turn(tmp_path / "other.onnx", **wrong)  # type: ignore[arg-type]
    with pytest.raises(NotHeard, match="for something else than the end of a turn"):
        asyncio.run(SmartTurn(other).load())


def test_without_its_libraries_it_is_told(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper.feature_extractor", None)
    with pytest.raises(NotHeard, match="Smart Turn cannot be loaded"):
        asyncio.run(SmartTurn(toy).load())

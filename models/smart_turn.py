"""This file asks Smart Turn v3 whether somebody who pauses has finished: it listens to the melody, not to the words.

A model is one ONNX file of about 9 MB: Whisper's smallest encoder, which looks at a log-mel spectrogram of the last 8 s
and gives one probability (github.com/pipecat-ai/smart-turn, BSD-2-Clause).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from companion.audio import RATE, Audio, Samples
from companion.errors import NotHeard, SettingsError
from models.libraries import without
from models.threads import engine_thread

if TYPE_CHECKING:
    from faster_whisper.feature_extractor import FeatureExtractor
    from onnxruntime import InferenceSession

SECONDS: Final = 8
"""What it looks at; of less, silence is put before it."""

BANDS: Final = 80
"""Of the log-mel spectrogram, one column for each 10 ms."""

INPUT: Final = "input_features"
SHAPE: Final = (BANDS, 100 * SECONDS)

_TINY: Final = 1e-7
"""Added to the variance, as where it was trained."""

_ONNX: Final = b"\x08"
"""How an ONNX file begins: the number and type of its first field, in protobuf."""

MEND: Final = "put a Smart Turn v3 there (companion models pull)"

Floats = NDArray[np.float32]


class SmartTurn:
    """An ear for the end of a turn. One question at a time."""

    def __init__(self, onnx: Path) -> None:
        """Costs nothing: the model is loaded by `load`, or at the first use."""
        self._onnx = onnx
        # One thread of its own: a question that is cancelled is answered to nobody, and the next one waits for it.
        self._thread = engine_thread("smart-turn")
        self._judge: _Judge | None = None

    async def load(self) -> None:
        """Load the model, if it is not loaded yet. Raises NotHeard."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._loaded)

    async def probability(self, audio: Audio) -> float:
        """How likely, 0 to 1, the speaker of this utterance so far, at `RATE`, has finished. Raises NotHeard."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, audio)

    def _loaded(self) -> _Judge:
        self._judge = self._judge or _Judge(self._onnx)
        return self._judge

    def _ask(self, audio: Audio) -> float:
        if audio.rate != RATE:
            raise NotHeard(f"Smart Turn listens at {RATE} Hz, not at {audio.rate}")
        return self._loaded().probability(audio.samples)


class _Judge:
    """The model and what makes its spectrogram."""

    def __init__(self, onnx: Path) -> None:
        try:
            check(onnx)
            import onnxruntime  # here: start-up time counts

            with without("av"):  # as for Whisper
                from faster_whisper.feature_extractor import FeatureExtractor

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1  # tens of ms on one core; the rest hears
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.log_severity_level = 4  # what goes wrong is raised
            self._session: InferenceSession = onnxruntime.InferenceSession(onnx, options, ["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors have nothing narrower in common
            raise NotHeard(f"Smart Turn cannot be loaded: {error}") from error
        inputs = [(each.name, each.type, tuple(each.shape[1:])) for each in self._session.get_inputs()]
        if inputs != [(INPUT, "tensor(float)", SHAPE)] or len(self._session.get_outputs()) != 1:
            raise NotHeard(f"{onnx} is a model for something else than the end of a turn: {MEND}")
        self._extractor: FeatureExtractor = FeatureExtractor(feature_size=BANDS, chunk_length=SECONDS)

    def probability(self, samples: Samples) -> float:
        """Raises NotHeard."""
        try:
            spectrogram = self._extractor(window(samples), padding=0)[np.newaxis]
            answer: Any = self._session.run(None, {INPUT: spectrogram})[0]
            probability = float(np.asarray(answer).item())
        except Exception as error:  # as above
            raise NotHeard(f"Smart Turn could not judge the utterance: {error}") from error
        if not 0 <= probability <= 1:  # nan, too
            raise NotHeard(f"{probability} is no probability: the model is not a Smart Turn v3, or damaged")
        return probability


def window(samples: Samples) -> Floats:
    """The last 8 s, after zeros if it is less, with mean 0 and variance 1 over all of it: in this order, as where the
    model was trained."""
    length = SECONDS * RATE
    last = samples[-length:].astype(np.float32) / 32768.0
    padded = np.concatenate([np.zeros(length - len(last), dtype=np.float32), last])
    normal: Floats = (padded - padded.mean()) / np.sqrt(padded.var() + _TINY)
    return normal


def check(onnx: Path) -> None:
    """Whether `onnx` may be a Smart Turn: reads one byte and imports nothing. Raises SettingsError with one sentence.
    What only the whole file can tell, `load` tells."""
    try:
        with onnx.open("rb") as file:
            begin = file.read(1)
    except FileNotFoundError as error:
        raise SettingsError([f"There is no file {onnx}: {MEND}"]) from error
    except OSError as error:
        raise SettingsError([f"The Smart Turn {onnx} cannot be read ({error.strerror}): {MEND}"]) from error
    if begin != _ONNX:
        raise SettingsError([f"{onnx} is not a model in ONNX's format: {MEND}"])

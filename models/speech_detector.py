"""This file finds speech in a stream of frames: a cheap gate in front of a small neural judge, Silero VAD v6.

The gate is webrtcvad with a floor on the level. It costs next to nothing, but takes tones, hum and buzz for speech;
the judge knows better, at many times the price. So the judge sleeps once the gate has been shut for a while, which
in a quiet room is nearly always.
"""

from __future__ import annotations

from collections import deque
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import webrtcvad
from numpy.typing import NDArray

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from companion.errors import CompanionError

FLOOR = -60.0
"""dBFS. Speech that can be understood is louder: at -40 its words are still well found (tests), its soft ends at -55;
dither of one bit lies at -90."""

STRICTNESS = 2
"""webrtcvad's mode, 0 to 3. Mode 0 takes white noise for speech always, mode 1 in 62 % of the frames, mode 2 in 2 %."""

HANGOVER = 100
"""Frames for which the judge stays awake after the gate was last open: 1 s, longer than the stops and soft endings
within an utterance that the gate takes for silence, so that the judge's memory is never cut in the middle of one."""

BLOCK = 512
"""Samples of one judgement (32 ms): fixed in the model, for 16 kHz."""

CONTEXT = 64
"""Samples before the block that the model wants to see again: fixed as well."""

LOOK_BACK = 32 * FRAME_SAMPLES
"""Samples kept for the judge while it sleeps: 320 ms, so that it hears the onset that opened the gate, and a little of
the room before."""

_Floats = NDArray[np.float32]


class SileroDetector:
    """Says how likely the newest 10 ms belong to speech. Between two judgements it repeats the last one."""

    _unjudged: _Floats
    _missed: deque[Samples]  # the newest frames that came after that, while the judge slept
    _shut: int  # frames since the gate was last open
    _probability: float

    def __init__(self) -> None:
        """Loads the model. Raises CompanionError without faster-whisper, whose wheel carries it."""
        self._judge = _Judge(model_file())
        self.reset()

    def probability(self, frame: Audio) -> float:
        """How likely speech is, 0 to 1, in the next 10 ms at `RATE`; 0 while the judge sleeps.

        Raises ValueError for a frame of any other size or rate.
        """
        if len(frame.samples) != FRAME_SAMPLES or frame.rate != RATE:
            raise ValueError(f"10 ms at {RATE} Hz expected, not {len(frame.samples)} samples at {frame.rate} Hz")
        voiced = self._gate.is_speech(frame.samples.tobytes(), RATE)  # asked always: it adapts to the room's noise
        self._shut = 0 if voiced and frame.level > FLOOR else self._shut + 1
        if self._shut > HANGOVER:
            if self._shut == HANGOVER + 1:
                self._fall_asleep()
            self._missed.append(frame.samples)
            return 0.0
        if self._missed:
            self._catch_up()
        self._unjudged = np.concatenate([self._unjudged, frame.floats])
        while len(self._unjudged) >= BLOCK:
            self._probability = self._judge.probability(self._unjudged[:BLOCK])
            self._unjudged = self._unjudged[BLOCK:]
        return self._probability

    def reset(self) -> None:
        """Forget the stream so far."""
        self._gate = webrtcvad.Vad(STRICTNESS)
        self._unjudged = np.zeros(0, dtype=np.float32)
        self._shut = HANGOVER + 1
        self._fall_asleep()

    def _fall_asleep(self) -> None:
        self._judge.reset()
        self._missed = deque(maxlen=LOOK_BACK // FRAME_SAMPLES)
        self._probability = 0.0

    def _catch_up(self) -> None:
        """What came while the judge slept is still to be judged, as far as it looks back."""
        missed = Audio(np.concatenate(self._missed)).floats
        self._unjudged = np.concatenate([self._unjudged, missed])[-LOOK_BACK:]
        self._missed.clear()


class _Judge:
    """Silero VAD, block after block of one stream: faster-whisper's own wrapper starts anew at each call."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        # One thread that sleeps between blocks: the model is tiny, and the board has speech-to-text to do.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors only
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._h: _Floats = np.zeros((1, 1, 128), dtype=np.float32)
        self._c: _Floats = np.zeros((1, 1, 128), dtype=np.float32)
        self._context: _Floats = np.zeros(CONTEXT, dtype=np.float32)

    def probability(self, block: _Floats) -> float:
        """How likely speech is, 0 to 1, in the next `BLOCK` samples, each from -1 to 1."""
        seen = np.concatenate([self._context, block])[np.newaxis]
        inputs = {"input": seen, "h": self._h, "c": self._c}
        probabilities, self._h, self._c = self._session.run(["speech_probs", "hn", "cn"], inputs)
        self._context = block[-CONTEXT:]
        return float(probabilities.item())


def model_file() -> Path:
    """Where the model lies. Raises CompanionError where it does not.

    faster-whisper is looked up but not imported: that would load the whole speech-to-text library.
    """
    wheel = find_spec("faster_whisper")
    file = Path(wheel.origin or "").parent / "assets" / "silero_vad_v6.onnx" if wheel else None
    if file is None or not file.is_file():
        raise CompanionError("the speech detector's model is missing: install faster-whisper, whose wheel carries it")
    return file

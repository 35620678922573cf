"""This file reads English with pocketsphinx, whose wheel carries a model: the embedded ears.

It is a recogniser of the time before neural networks: fair with a clear grown-up voice close to the microphone, poor
with children and noise. It is there so that the toy hears something before anything has been downloaded.

How the library is called is written in `sphinx_library.py`.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

import numpy as np

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples, Utterance
from companion.errors import NotHeard
from companion.ports import Transcript
from models.sphinx_library import LANGUAGE, Decoder, model_file
from models.threads import engine_thread

FALL: Final = 35.0
"""Decibels below the loudest frame from which on the ends of an utterance count as silence."""

MARGIN: Final = 5
"""Frames kept before and after what is not silence: soft consonants are there, and the decoder wants a little rest."""

OPTIONS: Final = {
    # Normalise by the mean of this utterance, not by a running mean that begins with a guess and ends in the next.
    "cmn": "batch",
}
"""What we ask of the decoder other than its defaults; its beams and weights were found best as they are.

Measured on 20 sentences in four of flite's voices, between silences: rms 1.5 %, awb 7.6 %, slt 6.8 %, kal16 3.0 % wrong
words, at 0.15 s of one desk core for each second of sound.
"""


class SphinxTranscriber:
    """The embedded ears. Each utterance is read for itself: the same sound gives the same text, always."""

    def __init__(self) -> None:
        """Costs nothing: the model is loaded by `load`, else at the first use (0.5 s on a desk)."""
        # One thread of its own, because the decoder can do one thing at a time. A reading cannot be stopped: when a
        # call is cancelled the next one waits for the thread, and one that is cancelled while it waits never begins.
        self._thread = engine_thread("sphinx")
        self._decoder: Decoder | None = None

    async def load(self) -> None:
        """Load the model. Raises NotHeard."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The words of one utterance at `RATE`, in lower case, without punctuation. Raises NotHeard."""
        text = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, utterance.audio)
        return Transcript(text, "sphinx")

    def _load(self) -> None:
        self._decoder = self._decoder or _new_decoder()

    def _read(self, audio: Audio) -> str:
        if audio.rate != RATE:
            raise NotHeard(f"pocketsphinx reads sound at {RATE} Hz, not at {audio.rate}")
        speech = without_silent_ends(audio.samples)
        if not len(speech):
            return ""
        decoder, self._decoder = self._decoder or _new_decoder(), None  # one that fails in the middle is not used again
        decoder.forget()
        decoder.begin()
        decoder.feed(speech, whole=True)
        decoder.end()
        hypothesis = decoder.hypothesis()
        self._decoder = decoder
        return plain(hypothesis)


def plain(hypothesis: str) -> str:
    """Only the words of a hypothesis: "<s> read(2) ++BREATH++ it [NOISE]" is "read it"."""
    words = (re.sub(r"\(\d+\)$", "", word) for word in hypothesis.lower().split())
    return " ".join(word for word in words if word[0] not in "<[+")


def without_silent_ends(samples: Samples) -> Samples:
    """What lies between the ends that are silent, beside the loudest frame; nothing of digital silence.

    Silence shifts the mean by which the decoder normalises: uncut, it made twice the errors (10.4 % wrong words, not
    4.7 %). In noise nothing is that quiet, and nothing is cut.
    """
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-FALL / 10))
    if not len(loud):
        return samples[:0]
    first, last = max(0, int(loud[0]) - MARGIN), int(loud[-1]) + 1 + MARGIN
    return samples[first * FRAME_SAMPLES : last * FRAME_SAMPLES]


def _new_decoder() -> Decoder:
    return Decoder(OPTIONS | {"lm": model_file(LANGUAGE)})

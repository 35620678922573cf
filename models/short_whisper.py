"""This file reads speech with a loaded Whisper that looks at the audio there is, not at the 30 s it was made for.

faster-whisper pads every clip to 30 s, and nine tenths of the time for a short one go into silence. CTranslate2 takes
less: encoding 5 s in place of 30 s takes a fourteenth of the time [tried, with random weights of the real shape]. But
weights that were trained on 30 s can be worse on less, so every reading says whether it can be trusted.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.feature_extractor import FeatureExtractor

NO_SPEECH: Final = 0.6
"""Probability of silence above which a doubtful text is dropped: Whisper makes up words when it hears none."""

DOUBTFUL: Final = -1.0
"""Mean log probability of a text's tokens below which it is doubtful. Both limits are OpenAI's own."""

REPETITIVE: Final = 2.4
"""How many times smaller a text gets when compressed, above which it goes round in circles. OpenAI's own, too."""

WHOLE: Final = 1500
"""Positions of the encoder for the 30 s that it was made for: 50 each second."""

SPARE: Final = 96
"""Positions after the end of the sound; 64 to 128 is what others found that weights made for 30 s need."""

TOKENS_PER_SECOND: Final = 8.0
"""Of quick speech, in languages of many tokens too: about what a text can have."""

TOKENS_MORE: Final = 16
"""That any text may have: in a short cry every word counts."""

MOST_TOKENS: Final = 224
"""What faster-whisper allows a text."""

ONE_THREAD: Final = 262_144
"""Multiplications up to which OpenBLAS computes a product of matrices in one thread."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and how far to trust it."""

    tokens: tuple[int, ...]
    text: str
    sureness: float
    """Mean log probability of the tokens, the one that ends the text included."""
    no_speech: float
    """Probability that nobody spoke."""
    complete: bool
    """Whether the text came to its end, and was not cut off where no sound so short can have more."""

    @property
    def silent(self) -> bool:
        """Whether nobody spoke, and the words are made up."""
        return self.no_speech > NO_SPEECH and self.sureness <= DOUBTFUL

    @property
    def trusted(self) -> bool:
        """Whether more context would not make it better."""
        return self.complete and self.sureness >= DOUBTFUL and _repetition(self.text) <= REPETITIVE


class ShortWhisper:
    """Reads one language, token by token as faster-whisper does, without timestamps and without a second guess."""

    def __init__(self, model: WhisperModel, language: str) -> None:
        """`language`: as Whisper calls it. Raises ValueError if the vocabulary lacks what a reading needs."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        several = model.model.is_multilingual
        self._model = model
        self._tokenizer = tokens = Tokenizer(model.hf_tokenizer, several, task="transcribe", language=language)
        needed = [tokens.sot, tokens.eot, tokens.no_timestamps, tokens.transcribe, tokens.translate]
        needed += [tokens.sot_prev, tokens.sot_lm, tokens.no_speech, *([tokens.language] if several else [])]
        if None in needed:
            raise ValueError("its vocabulary lacks some of Whisper's own tokens")
        self._prompt = [*tokens.sot_sequence, tokens.no_timestamps]
        self._suppressed = list(get_suppressed_tokens(tokens, [-1]))

    def encode(self, sound: NDArray[np.float32], *, spare: int = SPARE) -> Any | None:
        """What the encoder makes of a sound at 16 kHz, between -1 and 1, with `spare` positions after it. None if that
        is more than the 30 s that a Whisper can take, or if there is no sound. Raises RuntimeError or ValueError."""
        from ctranslate2 import StorageView

        heard = spectrogram(self._model.feature_extractor, sound)
        bands, columns = heard.shape
        positions = math.ceil(columns / 2) + spare
        if not columns or positions > WHOLE:
            return None
        padded = np.zeros((1, bands, 2 * positions), dtype=np.float32)
        padded[0, :, :columns] = heard
        return self._model.model.encode(StorageView.from_array(padded))

    def decode(self, encoded: Any, most: int) -> Reading:
        """The text of what was encoded, cut off at `most` tokens. Raises RuntimeError or ValueError."""
        [result] = self._model.model.generate(
            encoded,
            [self._prompt],
            beam_size=1,
            max_length=2 * most,  # CTranslate2 lets a text have half of it
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = tuple(result.sequences_ids[0])
        return Reading(
            tokens,
            self._tokenizer.decode(tokens),
            # CTranslate2 divides the sum by the tokens without the one that ends the text.
            result.scores[0] * len(tokens) / (len(tokens) + 1),
            result.no_speech_prob,
            len(tokens) < most,
        )


def most_tokens(seconds: float) -> int:
    """That a text said in so many seconds can have."""
    return min(MOST_TOKENS, round(TOKENS_PER_SECOND * seconds) + TOKENS_MORE)


def spectrogram(extractor: FeatureExtractor, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The log-mel spectrogram of a sound, (bands, columns of 10 ms), as the library's `extractor` makes it, but a few
    columns at a time. With more at once OpenBLAS wakes a thread for each core, and they spin for some 30 ms on the
    cores that the encoder needs: it took twice as long [tried]. Nor is there ever much of it in memory."""
    size, bands = extractor.n_fft, len(extractor.mel_filters)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    padded = np.pad(np.pad(sound, (0, 160)), size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: extractor.hop_length][:-1]
    powers = np.empty((bands, len(frames)), dtype=np.float32)
    at_once = ONE_THREAD // extractor.mel_filters.size
    for begin in range(0, len(frames), at_once):
        some = slice(begin, begin + at_once)
        powers[:, some] = extractor.mel_filters @ (np.abs(np.fft.rfft(frames[some] * window)) ** 2).T
    logarithms = np.log10(np.maximum(powers, 1e-10))
    scaled: NDArray[np.float32] = (np.maximum(logarithms, logarithms.max() - 8.0) + 4.0) / 4.0
    return scaled[:, :-1]  # the last column holds no sound; the library leaves it out too


def _repetition(text: str) -> float:
    written = text.strip().encode()
    return len(written) / len(zlib.compress(written))

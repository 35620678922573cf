"""This file hears any English name without training, with pocketsphinx: it looks for the phones of the name.

It errs on the side of hearing too much, so what it hears is not sure: the transcript must hold the name, too. Left to
itself it would adapt to the silence in which a toy lies most of the day, and miss the next call. So a gate shows it
only what may be speech, each piece as if it were the first; while the gate is shut it costs nothing.
"""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np
import webrtcvad

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from companion.errors import NotHeard, SettingsError
from companion.ports import Wake
from models.sphinx_library import DICTIONARY, Decoder, model_file
from models.threads import engine_thread

THRESHOLD: Final = 1e-30
"""How much likelier than any other sound the name must be: a likelihood ratio. Smaller hears more.

Measured on 7 names of two words in flite's four voices, alone and before other words: 76 of 84 found, 55 in white noise
of -50 dBFS; a name was taken to be in 3.4 % of 110 other sentences, many of them chosen to resemble one. At 1e-20 it
was 62, 37 and 1.2 %. Hearing too much costs one look at a transcript, hearing too little the call.
"""

FLOOR: Final = -60.0
"""dBFS. Nobody who calls is quieter, at the toy."""

STRICTNESS: Final = 2
"""webrtcvad's mode, 0 to 3: the least that does not take white noise for speech."""

HANGOVER: Final = 50
"""Frames (0.5 s) for which the gate stays open after the last that may be speech: longer than a pause in a name."""

PRE_ROLL: Final = 20
"""Frames (0.2 s) before the first that may be speech, which are shown as well: the soft beginning of "hey"."""

ONCE: Final = 100
"""Frames (1 s) for which a name is not told again: its tail can fit once more."""


class SphinxWakeWord:
    """Hears one English phrase. Takes 0.03 s of a desk core for each second of speech or noise, 0.0007 s of silence;
    7 ms at the moment at which the gate opens."""

    _unseen: list[Samples]
    _shut: int  # frames since the last that may be speech
    _since: int  # frames since the phrase was told
    _begun: bool  # an utterance, in the decoder

    def __init__(self, phrase: str, *, sure: bool = False, threshold: float = THRESHOLD) -> None:
        """Costs nothing: the model is loaded by `load`. `phrase`: words that `check` finds. `sure`: what it hears is
        enough, because who reads the transcript knows no names. Smaller thresholds hear more, 1e-5 to 1e-50."""
        self._phrase = phrase.lower()
        self._sure = sure
        self._threshold = threshold
        self._thread = engine_thread("sphinx-wake")
        self._decoder: Decoder | None = None
        self.reset()

    async def load(self) -> None:
        """Load the model, if it is not loaded yet. Raises NotHeard, too for a word that it does not know."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def hears(self, frame: Audio) -> Wake | None:
        """Whether the phrase ended in these 10 ms or shortly before. Raises ValueError for a frame of any other size
        or rate."""
        if len(frame.samples) != FRAME_SAMPLES or frame.rate != RATE:
            raise ValueError(f"10 ms at {RATE} Hz expected, not {len(frame.samples)} samples at {frame.rate} Hz")
        if self._decoder is None:
            return None
        self._since += 1
        voiced = self._gate.is_speech(frame.samples.tobytes(), RATE)  # asked always: it adapts to the room's noise
        self._shut = 0 if voiced and frame.level > FLOOR else self._shut + 1
        self._unseen.append(frame.samples)
        if self._shut > HANGOVER:
            self._end(self._decoder)
            self._unseen = self._unseen[-PRE_ROLL:]
        elif self._found(self._decoder) and self._since > ONCE:
            self._since = 0
            return Wake(self._phrase, self._sure)
        return None

    def reset(self) -> None:
        """Forget the stream so far."""
        if self._decoder is not None:
            self._end(self._decoder)
        self._gate = webrtcvad.Vad(STRICTNESS)
        self._unseen = []
        self._shut = HANGOVER + 1
        self._since = ONCE + 1
        self._begun = False

    def _load(self) -> None:
        if self._decoder is None:
            try:
                check(self._phrase)
            except SettingsError as error:
                raise NotHeard(str(error)) from error
            self._decoder = Decoder({"keyphrase": self._phrase, "kws_threshold": self._threshold})

    def _found(self, decoder: Decoder) -> bool:
        """Whether the phrase is in what was not seen yet; then the search begins anew after it."""
        if not self._begun:
            decoder.forget()
            decoder.begin()
            self._begun = True
        decoder.feed(np.concatenate(self._unseen))
        self._unseen.clear()
        found = decoder.hypothesis() != ""
        if found:
            decoder.end()
            decoder.begin()
        return found

    def _end(self, decoder: Decoder) -> None:
        if self._begun:
            decoder.end()
            self._begun = False


def check(phrase: str) -> None:
    """Whether it can hear this phrase. Reads the dictionary (3 MB), imports nothing. Raises SettingsError with a
    sentence for each word that it does not know, and NotHeard without pocketsphinx."""
    words = phrase.lower().split()
    if not words:
        raise SettingsError(["The wake phrase is empty: give the toy a name to be called by"])
    lines = Path(model_file(DICTIONARY)).read_text(encoding="utf-8").splitlines()
    known = {line.partition(" ")[0].partition("(")[0] for line in lines}  # "read(2) R IY D" is "read"
    if unknown := [word for word in dict.fromkeys(words) if word not in known]:
        raise SettingsError([_mend(word, phrase, known) for word in unknown])


def _mend(word: str, phrase: str, known: set[str]) -> str:
    like = [each for each in known if each[0] == word[0] and abs(len(each) - len(word)) < 3]  # all take 10 times longer
    near = " or ".join(f'"{each}"' for each in get_close_matches(word, sorted(like), n=2))
    spell = f"spell it as it sounds, in words like {near}, or" if near else "spell it in words that it knows, or"
    return f'pocketsphinx does not know the word "{word}" of "{phrase}": {spell} teach the toy by companion wake add'

"""This file speaks with Piper: the voice once one has been pulled.

A voice is two files, <name>.onnx and <name>.onnx.json. Piper finds the phonemes of a phrase with its own espeak-ng and
makes sound of them, one sentence at a time; and of a sentence piece by piece, if the voice can be cut.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import numpy as np

from companion.audio import Audio, Speech
from companion.errors import NoVoice, SettingsError
from companion.pacing import Written, audible, written
from models.piper_cuts import Cuts, Parts
from models.piper_stages import FirstPart, Gain, Pieces, Session, Speed, Uncut, measured
from models.piper_words import grouped, shared, timed
from models.threads import engine_thread

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from piper import AudioChunk, PiperVoice

SPELLINGS: Final = ("espeak", "text")
"""Ways to the phonemes that need nothing but the wheel; Piper's others download more, or want more packages."""

MEND: Final = "put a whole one there (companion models pull)"

_SEED: Final = 1
"""Of the noise in every voice's breath and rhythm; any constant will do."""

_ONNX: Final = b"\x08"
"""How an ONNX file begins: the number and type of its first field, in protobuf."""

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
"""What its espeak-ng takes as the end of the text, and what UTF-8 cannot hold."""

_TRIED: Final = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
"""A voice that was cut says this once, to be compared with the whole one: some seconds, in any language."""

_PHONEMES: Final = re.compile(r"\[(?=\[)")
"""The first of two brackets, between which Piper expects phonemes: what a toy is told to say is just text."""


class Piper:
    """A voice of Piper's. One sentence is made at a time, and of a sentence one piece."""

    def __init__(
        self,
        onnx: Path,
        *,
        speaker: int | None = None,
        length_scale: float | None = None,
        cuts: Path | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Costs nothing: the voice is loaded by `load`, or at the first use.

        `onnx`: its larger file. `speaker`: from 0, of a voice that has several; None: its first. `length_scale`: above
        1 is slower; None: the voice's own. `cuts`: a folder for the parts of voices, as large as they; None:
        sentences are made whole. `timer` tells how long the machine takes, in seconds: slow ones make longer pieces.
        """
        self._onnx = onnx
        self._speaker = speaker
        self._length_scale = length_scale
        self._cuts = Cuts(cuts) if cuts else None
        self._timer = timer
        # One thread of its own. What runs in it cannot be stopped: when a phrase is closed or cancelled, the piece
        # that is being made is finished and dropped, and the others are never begun.
        self._thread = engine_thread("piper")
        self._voice: _Whole | _InPieces | None = None
        self.remark = ""
        """Once it is loaded: why it makes sentences whole, although it has a folder for parts."""
        self.error: float | None = None
        """Once it is loaded: by how much its samples differ at most, of 1, from those of whole sentences, as far as was
        tried when it was cut; None: it makes sentences whole."""

    async def load(self) -> None:
        """Load the voice, if it is not loaded yet. Raises NoVoice.

        The first time, a voice is cut and tried, which takes some seconds.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._loaded)

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """The phrase, in one or more pieces for each sentence; nothing for what cannot be spoken. Raises NoVoice.

        The first piece of a sentence has the times of all its words, also of those that sound in the pieces after it.
        The same phrases in the same order sound the same in every process, whole or in pieces (which are as loud as
        `Gain` tells): the noise in a voice is drawn once for a sentence. Two phrases at a time take turns.
        """
        loop = asyncio.get_running_loop()
        pieces = self._pieces(text)
        while (piece := await loop.run_in_executor(self._thread, next, pieces, None)) is not None:
            yield piece

    def _pieces(self, text: str) -> Iterator[Speech]:
        """The sound of each sentence, made when it is asked for: in the thread alone."""
        loaded = self._loaded()
        from piper import SynthesisConfig

        wanted = SynthesisConfig(speaker_id=self._speaker, length_scale=self._length_scale)
        plain = _PHONEMES.sub("[ ", _CONTROLS.sub(" ", text))
        try:
            said = [len(grouped(phonemes)) for phonemes in loaded.voice.phonemize(plain) if phonemes]
            chunks = loaded.voice.synthesize(plain, wanted, include_alignments=True)
            for chunk, words in zip(chunks, shared(written(text), said), strict=True):
                yield from loaded.spoken(chunk, words)
        except Exception as error:  # ONNX Runtime's errors have nothing narrower in common
            raise NoVoice(f"Piper could not speak the phrase: {error}") from error

    def _loaded(self) -> _Whole | _InPieces:
        if self._voice is None:
            try:
                check(self._onnx, self._speaker)
                self._voice = self._cut() or _Whole(_voice(self._onnx, _session(self._onnx)))
            except Exception as error:  # as above
                raise NoVoice(f"Piper cannot be loaded: {error}") from error
        return self._voice

    def _cut(self) -> _InPieces | None:
        """The voice in parts; None if it cannot be had so, and the remark tells why."""
        if self._cuts is None:
            return None
        try:
            parts = self._cuts.parts(self._onnx, _session, self._tried)
        except Exception as error:  # noqa: BLE001 - a full disk, no `onnx`, a strange graph: it speaks nevertheless
            reason = error if isinstance(error, Uncut) else f"it could not be cut ({error})"
            self.remark = f"The Piper voice {self._onnx.stem} makes whole sentences: {reason}"
            return None
        self.remark, self.error = "", parts.error
        first = FirstPart(parts.sessions)
        voice = _voice(self._onnx, first)
        speed = Speed(parts.measures[-1].hop / voice.config.sample_rate, self._timer)
        return _InPieces(voice, first, Pieces(parts.sessions, parts.measures, speed), Gain(parts.loudest))

    def _tried(self, sessions: Sequence[Session]) -> Parts:
        """Have the parts and the whole voice say the same without noise, and compare. Raises Uncut."""
        from piper import SynthesisConfig

        silent = SynthesisConfig(speaker_id=self._speaker, noise_scale=0.0, noise_w_scale=0.0)
        first = FirstPart(sessions)
        whole, cut = _voice(self._onnx, _session(self._onnx)), _voice(self._onnx, first)
        ids = whole.phonemes_to_ids([each for sentence in whole.phonemize(_TRIED) for each in sentence])
        sound = np.asarray(whole.phoneme_ids_to_audio(ids, silent)).reshape(-1)
        cut.phoneme_ids_to_audio(ids, silent)
        assert first.sentence is not None
        measures, error = measured(sessions, first.sentence, sound)
        return Parts(sessions, measures, float(np.abs(sound).max()), error)


class _Whole:
    """A voice that makes whole sentences."""

    def __init__(self, voice: PiperVoice) -> None:
        self.voice = voice

    def spoken(self, chunk: AudioChunk, words: Sequence[Written]) -> Iterator[Speech]:
        """A sentence, which is made."""
        sound = Audio(chunk.audio_int16_array, chunk.sample_rate)
        yield Speech(
            sound.samples, sound.rate, timed(words, sound.rate, chunk.phoneme_alignments, lambda: audible(sound))
        )


class _InPieces:
    """A voice that was cut."""

    def __init__(self, voice: PiperVoice, first: FirstPart, pieces: Pieces, gain: Gain) -> None:
        """`voice` has the first part in the place of its session."""
        self.voice = voice
        self._first = first
        self._pieces = pieces
        self._gain = gain

    def spoken(self, chunk: AudioChunk, words: Sequence[Written]) -> Iterator[Speech]:
        """A sentence, of which the first part is made."""
        sentence, rate = self._first.sentence, chunk.sample_rate
        assert sentence is not None
        seconds = self._pieces.seconds(sentence, rate)
        times = timed(words, rate, chunk.phoneme_alignments, lambda: [(0.0, seconds)])
        for samples in self._pieces.of(sentence):
            yield Speech(self._gain.applied(samples), rate, times)
            times = ()


def _session(onnx: Path) -> InferenceSession:
    import onnxruntime  # here: start-up time counts

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, (os.cpu_count() or 1) - 1)  # the audio keeps a core
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # nor burns one while waiting
    onnxruntime.set_seed(_SEED)  # looked at when the session is made
    return onnxruntime.InferenceSession(onnx, options, ["CPUExecutionProvider"])


def _voice(onnx: Path, session: Any) -> PiperVoice:
    """Not PiperVoice.load, which takes no options."""
    from piper import PiperConfig, PiperVoice

    return PiperVoice(session, PiperConfig.from_dict(_config(onnx)))


def check(onnx: Path, speaker: int | None = None) -> None:
    """Whether `onnx` is a voice that can be used, and has that speaker: reads some kilobytes and imports nothing.
    Raises SettingsError with one sentence."""
    config = _config(onnx)
    spelling = config.get("phoneme_type", SPELLINGS[0])
    if spelling not in SPELLINGS:
        raise SettingsError([f"The Piper voice {onnx} spells by {spelling}, which wants more than Companion carries"])
    speakers = config["num_speakers"]
    if speaker is not None and not 0 <= speaker < speakers:
        raise SettingsError([f"The Piper voice {onnx} has {speakers} speakers, counted from 0, and none is {speaker}"])


def language(onnx: Path) -> str:
    """What a voice speaks: a BCP 47 tag in lower case, "en-gb". Raises SettingsError."""
    config = _config(onnx)
    named = config.get("language")
    tag = named.get("code") if isinstance(named, dict) else None
    return str(tag or config["espeak"]["voice"]).lower().replace("_", "-")  # older voices name espeak-ng's alone


def speakers(onnx: Path) -> int:
    """How many speakers a voice has. Raises SettingsError."""
    return int(_config(onnx)["num_speakers"])


def _config(onnx: Path) -> dict[str, Any]:
    """What the smaller file says of the voice; both are looked at. Raises SettingsError with one sentence."""
    file = onnx.with_name(f"{onnx.name}.json")
    try:
        if not onnx.is_file():
            raise SettingsError([f"There is no Piper voice {onnx}: {MEND}"])
        if not file.is_file():
            raise SettingsError([f"The Piper voice {onnx} lacks {file.name}: {MEND}"])
        with onnx.open("rb") as opened:
            if opened.read(1) != _ONNX:
                raise SettingsError([f"{onnx} is not an ONNX model: {MEND}"])
        config = json.loads(file.read_bytes())
    except OSError as error:
        raise SettingsError([f"The Piper voice {onnx} cannot be read ({error.strerror}): {MEND}"]) from error
    except ValueError as error:
        raise SettingsError([f"{file} is damaged: {MEND}"]) from error
    if not _of_piper(config):
        raise SettingsError([f"{file} is not the description of a Piper voice: {MEND}"])
    return config


def _of_piper(config: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is what piper.PiperConfig reads, and a voice can be made with."""
    match config:
        case {
            "audio": {"sample_rate": int(rate)},
            "espeak": {"voice": str()},
            "phoneme_id_map": {"_": list(), "^": list(), "$": list()},
            "num_symbols": int(),
            "num_speakers": int(speakers),
        }:
            return rate > 0 and speakers > 0
    return False

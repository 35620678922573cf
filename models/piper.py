"""This file speaks with Piper: the voice once one has been pulled.

A voice is two files, <name>.onnx and <name>.onnx.json. Piper finds the phonemes of a phrase with its own espeak-ng and
makes sound of them, one sentence at a time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from companion.audio import Audio, Speech
from companion.errors import NoVoice, SettingsError
from companion.pacing import written
from models.piper_words import grouped, shared, timed
from models.threads import engine_thread

if TYPE_CHECKING:
    from piper import PiperVoice

SPELLINGS: Final = ("espeak", "text")
"""Ways to the phonemes that need nothing but the wheel; Piper's others download more, or want more packages."""

MEND: Final = "put a whole one there"

_SEED: Final = 1
"""Of the noise in every voice's breath and rhythm; any constant will do."""

_ONNX: Final = b"\x08"
"""How an ONNX file begins: the number and type of its first field, in protobuf."""

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
"""What its espeak-ng takes as the end of the text, and what UTF-8 cannot hold."""

_PHONEMES: Final = re.compile(r"\[(?=\[)")
"""The first of two brackets, between which Piper expects phonemes: what a toy is told to say is just text."""


class Piper:
    """A voice of Piper's. One sentence is made at a time."""

    def __init__(self, onnx: Path, *, speaker: int | None = None, length_scale: float | None = None) -> None:
        """Costs nothing: the voice is loaded by `load`, or at the first use.

        `onnx`: its larger file. `speaker`: from 0, of a voice that has several; None: its first. `length_scale`: above
        1 is slower; None: the voice's own.
        """
        self._onnx = onnx
        self._speaker = speaker
        self._length_scale = length_scale
        # One thread of its own. What runs in it cannot be stopped: when a phrase is closed or cancelled, the sentence
        # that is being made is finished and dropped, and its others are never begun.
        self._thread = engine_thread("piper")
        self._voice: PiperVoice | None = None

    async def load(self) -> None:
        """Load the voice, if it is not loaded yet. Raises NoVoice."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._loaded)

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """The phrase, a piece for each sentence, with the time of each word; nothing for what cannot be spoken. Raises
        NoVoice.

        The same phrases in the same order sound the same in every process. Two phrases at a time take turns.
        """
        loop = asyncio.get_running_loop()
        sentences = self._sentences(text)
        while (piece := await loop.run_in_executor(self._thread, next, sentences, None)) is not None:
            yield piece

    def _sentences(self, text: str) -> Iterator[Speech]:
        """The sound of each sentence, made when it is asked for: in the thread alone."""
        voice = self._loaded()
        from piper import SynthesisConfig

        wanted = SynthesisConfig(speaker_id=self._speaker, length_scale=self._length_scale)
        plain = _PHONEMES.sub("[ ", _CONTROLS.sub(" ", text))
        try:
            said = [len(grouped(phonemes)) for phonemes in voice.phonemize(plain) if phonemes]
            chunks = voice.synthesize(plain, wanted, include_alignments=True)
            for chunk, words in zip(chunks, shared(written(text), said), strict=True):
                sound = Audio(chunk.audio_int16_array, chunk.sample_rate)
                yield Speech(sound.samples, sound.rate, timed(words, sound, chunk.phoneme_alignments))
        except Exception as error:  # ONNX Runtime's errors have nothing narrower in common
            raise NoVoice(f"Piper could not speak the phrase: {error}") from error

    def _loaded(self) -> PiperVoice:
        if self._voice is None:
            try:
                check(self._onnx, self._speaker)
                import onnxruntime  # here: start-up time counts
                from piper import PiperConfig, PiperVoice

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = max(1, (os.cpu_count() or 1) - 1)  # the audio keeps a core
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # nor burns one while waiting
                onnxruntime.set_seed(_SEED)  # looked at when the session is made
                session = onnxruntime.InferenceSession(self._onnx, options, ["CPUExecutionProvider"])
                # Not PiperVoice.load, which takes no options.
                self._voice = PiperVoice(session, PiperConfig.from_dict(_config(self._onnx)))
            except Exception as error:  # as above
                raise NoVoice(f"Piper cannot be loaded: {error}") from error
        return self._voice


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

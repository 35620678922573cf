"""This file reads speech with Whisper, through faster-whisper: the ears once a model has been pulled.

Nothing here touches the network: the model is a folder on this machine, and `check` says in words what it lacks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from companion.audio import RATE, Audio, Utterance
from companion.errors import NotHeard, SettingsError
from companion.ports import Transcript
from models.libraries import without
from models.short_whisper import DOUBTFUL, NO_SPEECH, ShortWhisper, most_tokens
from models.threads import engine_thread
from models.whisper_languages import code

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MEND: Final = "put a whole one there (companion models pull)"
OTHERS: Final = "the models without .en in their names hear about a hundred languages"

VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
"""The names of the vocabulary, of which a model has one."""

HEADER: Final = b"\x0c\x00WhisperSpec\x00"
"""Of model.bin, after 4 bytes of version: the length of the name of its kind (16 bit), and the name."""

FOREIGN: Final = ("*.safetensors", "pytorch_model*", "*.pt", "*.onnx", "*.gguf", "ggml-*")
"""What the models of other libraries are called."""

REMARKS: Final = logging.getLogger(__name__)

_T = TypeVar("_T")


class WhisperTranscriber:
    """Ears for one language. One utterance is read at a time, each for itself: what is shorter than 30 s as short as
    it is, and once more as faster-whisper does it where that gives reason to doubt."""

    def __init__(self, folder: Path, *, language: str, threads: int | None = None) -> None:
        """Costs nothing: the model is loaded by `load`, or at the first use.

        `folder`: a model in CTranslate2's format. `language`: a BCP 47 tag; told, because to find it out would cost a
        second pass through the encoder. `threads`: None takes all cores but one, so that the audio keeps a core.
        """
        self._folder = folder
        self._language = language
        self._threads = threads or max(1, (os.cpu_count() or 1) - 1)
        # One thread of its own. What runs in it cannot be stopped, only kept from going on to its next step: when a
        # call is cancelled the next one waits for the thread, nobody gets the late result, and a call that is cancelled
        # while it waits never begins.
        self._thread = engine_thread("whisper")
        self._model: WhisperModel | None = None
        self._short: ShortWhisper | None = None

    async def load(self) -> None:
        """Load the model, if it is not loaded yet. Raises NotHeard."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._loaded)

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The words of one utterance at `RATE`; none when there was only silence. Raises NotHeard."""
        over = threading.Event()
        try:
            loop = asyncio.get_running_loop()
            text = await loop.run_in_executor(self._thread, self._read, utterance.audio, over)
        finally:
            over.set()
        return Transcript(text, "whisper")

    def _loaded(self) -> WhisperModel:
        if self._model is None:
            try:
                check(self._folder, self._language)  # above all for the tokenizer: missing, it would be downloaded
                with without("av"):  # for files of sound: 16 MB, and a quarter of the import's time [tried]
                    from faster_whisper import WhisperModel  # here: start-up time counts

                model = WhisperModel(
                    str(self._folder),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=self._threads,
                    local_files_only=True,
                )
                self._short = self._shortened(model)
                self._model = model
            except Exception as error:  # the tokenizers library raises nothing narrower
                raise NotHeard(f"Whisper cannot be loaded: {error}") from error
        return self._model

    def _shortened(self, model: WhisperModel) -> ShortWhisper | None:
        try:
            return ShortWhisper(model, code(self._language))
        except ValueError as error:
            REMARKS.warning("The Whisper model in %s reads slowly, as if every clip had 30 s: %s", self._folder, error)
            return None

    def _read(self, audio: Audio, over: threading.Event) -> str:
        """`over`: set once nobody waits for the text any more."""
        if audio.rate != RATE:
            raise NotHeard(f"Whisper reads sound at {RATE} Hz, not at {audio.rate}")
        model = self._loaded()
        sound = audio.floats
        try:
            encoded = self._short.encode(sound) if self._short else None
            if self._short and encoded is not None and not over.is_set():
                reading = self._short.decode(encoded, most_tokens(audio.seconds))
                if reading.silent:
                    return ""
                if reading.trusted:
                    return reading.text.strip()
            return "" if over.is_set() else self._read_whole(model, sound)
        except (RuntimeError, TypeError, ValueError) as error:  # a TypeError: of a token that the vocabulary lacks
            raise NotHeard(f"Whisper could not read the utterance: {error}") from error

    def _read_whole(self, model: WhisperModel, sound: NDArray[np.float32]) -> str:
        """As faster-whisper does it: what is shorter than 30 s is filled up."""
        segments, _ = model.transcribe(
            sound,
            language=code(self._language),
            beam_size=1,
            temperature=0.0,  # and no second try at a higher one: the same sound gives the same text
            without_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,  # the ears have done that
            no_speech_threshold=NO_SPEECH,
            log_prob_threshold=DOUBTFUL,
        )
        return "".join(segment.text for segment in segments).strip()


def check(folder: Path, language: str) -> None:
    """Whether `folder` holds a Whisper that hears `language`. Reads about 3 MB and imports nothing. Raises
    SettingsError with one sentence."""
    if not folder.is_dir():
        raise SettingsError([f"There is no folder {folder} with a Whisper model: {MEND}"])
    try:
        _check_files(folder)
        if english_only(folder):
            if code(language) != "en":
                raise SettingsError([f"The Whisper model in {folder} hears English only, not {language}: {OTHERS}"])
        elif f"<|{code(language)}|>" not in _vocabulary(folder):
            raise SettingsError([f"The Whisper model in {folder} does not know the language {language}"])
    except OSError as error:
        raise SettingsError([f"The Whisper model in {folder} cannot be read ({error.strerror}): {MEND}"]) from error


def english_only(folder: Path) -> bool:
    """Whether the Whisper in `folder` knows no other language. Raises OSError, or SettingsError if it is damaged.

    Its name says so only by custom, its config.json not at all. CTranslate2 decides by the vocabulary: the
    multilingual ones contain an empty token, the English one (GPT-2's) does not.
    """
    return "" not in _vocabulary(folder)


def _check_files(folder: Path) -> None:
    there = {path.name for path in folder.iterdir() if path.is_file()}
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if name not in there]
    if not there & set(VOCABULARIES):
        missing.append(VOCABULARIES[0])
    foreign = sorted(path.name for pattern in FOREIGN for path in folder.glob(pattern))
    if "model.bin" in missing and foreign:
        raise SettingsError([f"{folder} holds a model for another library than CTranslate2 ({foreign[0]}): {MEND}"])
    if missing:
        raise SettingsError([f"The Whisper model in {folder} lacks {', '.join(missing)}: {MEND}"])
    with (folder / "model.bin").open("rb") as file:
        if file.read(4 + len(HEADER))[4:] != HEADER:
            raise SettingsError([f"{folder / 'model.bin'} is not a Whisper model of CTranslate2: {MEND}"])
    for name in "config.json", "tokenizer.json":
        _json(folder / name, dict)


def _vocabulary(folder: Path) -> Collection[str]:
    """Its tokens, out of the newer format or the older one."""
    newer, older = (folder / name for name in VOCABULARIES)
    if newer.is_file():
        return _json(newer, list)
    return older.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")


def _json(file: Path, kind: type[_T]) -> _T:
    try:
        value = json.loads(file.read_bytes())
    except ValueError:
        value = None
    if not isinstance(value, kind):
        raise SettingsError([f"{file} is damaged: {MEND}"])
    return value

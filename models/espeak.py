"""This file speaks with espeak-ng, out of the wheel `espeakng-loader`: the embedded voice, for every language.

It is a C library with one state per process: no two phrases may be in it at once. And that state outlives a phrase,
down to where in its cycle the last vowel stopped, so that a phrase would sound a little different each time; seeding
its random numbers or initialising it anew does not clear it. Loading the library freshly for every phrase does, for
about 3 ms: the same text gives the same samples whatever was spoken before, and a journal can be replayed.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
import threading
from _ctypes import dlclose  # ctypes loads libraries and has no public way to let go of one
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np

from companion.audio import Audio, Speech
from companion.character import Espeak
from companion.errors import NoVoice
from companion.pacing import audible, marked, written

# From speak_lib.h of espeak-ng 1.52.
_SYNCHRONOUS: Final = 2  # samples come through the callback, before espeak_Synth returns
_DO_NOT_EXIT: Final = 0x8000  # else a missing data file ends the whole process
_PLAIN_UTF8: Final = 1  # neither SSML (0x10) nor phonemes in brackets (0x100): "<b>" and "[[x]]" are just text
_SPEED, _PITCH, _RANGE = 1, 3, 4
_END, _WORD = 0, 1  # kinds of events: the last one of a list, and the beginning of a word

_BEST, _USUAL = 0, 5  # priorities of a language in a voice's file, as espeak-ng counts: the lower, the better

_SEED: Final = 1  # of its noise, in breath and fricatives; any constant will do

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
"""What espeak-ng takes as a command (U+0001 begins one) or as the end of the text, and what UTF-8 cannot hold."""

_ALONE: Final = threading.Lock()
"""Held while the library is loaded. At module level because the library's state belongs to the process, too."""


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("_message", ctypes.c_uint),
        ("character", ctypes.c_int),  # of the text, counted from 1
        ("_length", ctypes.c_int),
        ("_milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("_user_data", ctypes.c_void_p),
        ("_id", ctypes.c_int * 2),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(slots=True)
class _Said:
    """What the library says, as it comes."""

    rate: int = 0
    """Hertz."""
    pieces: list[bytes] = field(default_factory=list)
    begins: list[tuple[int, int]] = field(default_factory=list)
    """Of each word its first character, counted from 0, and its first sample."""


class EspeakVoice:
    """The embedded voice, with the parameters of one character."""

    def __init__(self, parameters: Espeak) -> None:
        self._parameters = parameters

    async def load(self) -> None:
        """Look whether there is such a voice; there is nothing to load. Raises NoVoice."""
        await asyncio.to_thread(lambda: self._voice)

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """The phrase in one piece, at 22,050 Hz, with the time of each word; nothing that can be spoken gives silence.
        Raises NoVoice.

        Nothing is trimmed: its sound begins after about 12 ms. Cancelled, the thread goes on for the few
        milliseconds that a phrase takes, and nobody gets its result.
        """
        yield await asyncio.to_thread(self._synthesise, text)

    def _synthesise(self, text: str) -> Speech:
        spoken = _CONTROLS.sub(lambda found: " " * len(found[0]), text).encode()
        with _library() as (library, said):
            if library.espeak_SetVoiceByName(self._voice):
                raise NoVoice(f"espeak-ng cannot use its voice {self._voice.decode()!r}")
            wanted = self._parameters
            for parameter, value in (_SPEED, wanted.speed), (_PITCH, wanted.pitch), (_RANGE, wanted.range):
                library.espeak_SetParameter(parameter, value, 0)
            size = ctypes.c_size_t(len(spoken) + 1)  # with the 0 at its end
            if status := library.espeak_Synth(spoken, size, 0, 1, 0, _PLAIN_UTF8, None, None):
                raise NoVoice(f"espeak-ng could not speak the phrase (status {status})")
        sound = Audio(np.frombuffer(b"".join(said.pieces), dtype=np.int16), said.rate)
        begins = [(character, sample / said.rate) for character, sample in said.begins]
        return Speech(sound.samples, sound.rate, marked(written(text), begins, audible(sound)))

    @cached_property
    def _voice(self) -> bytes:
        """The voice as espeak-ng names it. Checked here, because it speaks on without an unknown variant."""
        language, plus, variant = self._parameters.voice.partition("+")
        known = voices()
        if language.lower() not in known:
            raise NoVoice(f"espeak-ng has no voice {language!r}: {_near(language.lower(), list(known))}")
        if plus and variant not in variants():
            raise NoVoice(f"espeak-ng has no variant {variant!r}: {_near(variant, variants())}")
        return f"{known[language.lower()]}{plus}{variant}".encode()


def voices() -> dict[str, str]:
    """What may stand before the "+" in the name of a voice, lower case, and the file of espeak-ng's that speaks it.

    Its own look-up knows only the files; "zh", "en-gb" or "fr-fr" are found in what the files say they speak.
    """
    found: list[tuple[int, str, str]] = []
    for file in (path for path in (_data() / "lang").rglob("*") if path.is_file()):
        found.append((_BEST, file.name.lower(), file.name))
        for line in file.read_text(encoding="utf-8").splitlines():
            match line.split():
                case ["language", name]:
                    found.append((_USUAL, name.lower(), file.name))
                case ["language", name, priority, *_] if priority.isdigit():
                    found.append((int(priority), name.lower(), file.name))
    return {name: file for _, name, file in sorted(found, reverse=True)}  # of several files, the best is the last


def variants() -> list[str]:
    """What may stand after the "+" in the name of a voice: "f3", "whisper" ..."""
    return sorted(path.name for path in (_data() / "voices" / "!v").iterdir())


def _near(name: str, known: list[str]) -> str:
    if near := get_close_matches(name, known, cutoff=0.5):
        return f"did you mean {' or '.join(near)}?"
    return f"there are {len(known)}, for example {', '.join(sorted(known)[:: max(1, len(known) // 6)])}"


def _data() -> Path:
    try:
        import espeakng_loader  # here: whoever speaks with Piper never needs it

        return Path(espeakng_loader.get_data_path())
    except (ImportError, RuntimeError) as error:
        raise NoVoice(f"espeak-ng is missing: {error}") from error


@contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, _Said]]:
    """The library as if it had never spoken, and what it will have said."""
    data = _data()
    import espeakng_loader

    said = _Said()

    def collect(samples: int | None, count: int, events: Any) -> int:
        if samples and count > 0:
            said.pieces.append(ctypes.string_at(samples, 2 * count))
        for event in takewhile(lambda event: event.kind != _END, events):
            if event.kind == _WORD:
                said.begins.append((event.character - 1, event.sample))
        return 0  # go on

    callback = _Callback(collect)  # named, to live as long as the library may call it
    with _ALONE, ExitStack() as undone:
        try:
            library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise NoVoice(f"espeak-ng cannot be loaded: {error}") from error
        undone.callback(dlclose, library._handle)
        said.rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data.parent).encode(), _DO_NOT_EXIT)
        if said.rate <= 0:
            raise NoVoice(f"espeak-ng cannot read its data in {data}")
        undone.callback(library.espeak_Terminate)
        library.espeak_ng_SetRandSeed(_SEED)
        ctypes.CDLL(None).srand(_SEED)  # a few variants ("Reed") take their breath from the C library's numbers instead
        library.espeak_SetSynthCallback(callback)
        yield library, said

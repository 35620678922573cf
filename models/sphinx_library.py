"""This file calls the C library of pocketsphinx, whose wheel carries it and an English model.

The wheel's own binding keeps Python's lock for a whole reading, 1.3 s at a time where this was tried: no frame would
be heard and no light would move meanwhile. The library lies in the same file and is called through ctypes, which lets
go of the lock.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from weakref import finalize

from companion.audio import RATE, Samples
from companion.errors import NotHeard

ACOUSTIC: Final = "en-us"
DICTIONARY: Final = "cmudict-en-us.dict"
LANGUAGE: Final = "en-us.lm.bin"
"""The parts of its model: how phones sound, how words are pronounced, which words follow which."""


class Decoder:
    """The few functions of pocketsphinx.h that we need. The model stays loaded as long as the object lives."""

    def __init__(self, options: Mapping[str, str | float]) -> None:
        """Loads what `options` ask for, beside the acoustic model and the dictionary. Raises NotHeard."""
        try:
            from pocketsphinx import _pocketsphinx  # here: importing it takes a while

            library = ctypes.CDLL(_pocketsphinx.__file__)
            library.ps_config_parse_json.restype = library.ps_init.restype = ctypes.c_void_p
            library.ps_get_hyp.restype = ctypes.c_char_p
        except (ImportError, OSError, AttributeError) as error:
            raise NotHeard(f"pocketsphinx cannot be loaded: {error}") from error
        # Not a word on stderr: what goes wrong is raised.
        common = {"samprate": RATE, "loglevel": "FATAL", "hmm": model_file(ACOUSTIC), "dict": model_file(DICTIONARY)}
        config = ctypes.c_void_p(library.ps_config_parse_json(None, json.dumps(common | dict(options)).encode()))
        self._library = library
        self._decoder = ctypes.c_void_p(library.ps_init(config))
        finalize(self, library.ps_free, self._decoder)
        library.ps_config_free(config)
        if not self._decoder:
            raise NotHeard(f"pocketsphinx cannot load its model in {Path(model_file(ACOUSTIC)).parent}")

    def forget(self) -> None:
        """Normalise the next utterance as if it were the first: else the mean of the one before lives on."""
        self._library.ps_reinit_feat(self._decoder, None)

    def begin(self) -> None:
        """Begin an utterance. Raises NotHeard."""
        self._check(self._library.ps_start_utt(self._decoder))

    def feed(self, samples: Samples, *, whole: bool = False) -> None:
        """Search the next samples at `RATE` of this utterance, which may be the `whole` of it. Raises NotHeard."""
        sound, size = samples.tobytes(), ctypes.c_size_t(len(samples))
        self._check(self._library.ps_process_raw(self._decoder, sound, size, 0, int(whole)))  # 0: search it, too

    def end(self) -> None:
        """End the utterance. Raises NotHeard."""
        self._check(self._library.ps_end_utt(self._decoder))

    def hypothesis(self) -> str:
        """The best one of this utterance so far, as the decoder spells it; empty for none."""
        return (self._library.ps_get_hyp(self._decoder, None) or b"").decode(errors="replace")

    def _check(self, result: int) -> None:
        if result < 0:
            raise NotHeard("pocketsphinx could not read the utterance")


def model_file(name: str) -> str:
    """Where a part of the English model lies in the wheel, which is looked up and not imported. Raises NotHeard."""
    wheel = find_spec("pocketsphinx")
    if wheel is None or wheel.origin is None:
        raise NotHeard("pocketsphinx cannot be loaded: it is not installed")
    return str(Path(wheel.origin).parent / "model" / "en-us" / name)

"""This file loads a large compiled library before Python imports it: the import holds up every thread, this none."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path


def preload(package: str, pattern: str) -> None:
    """Let the system load the libraries of `package` whose path matches `pattern`. A call through ctypes lets go of
    Python's lock, the import's own does not: of ONNX Runtime that was 39 ms in one piece, and 32 after this [tried].
    What cannot be loaded so is left to the import, which then says why."""
    spec = find_spec(package)
    load = ctypes.CDLL(None).dlopen
    load.restype, load.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    for library in Path(spec.origin).parent.glob(pattern) if spec and spec.origin else ():
        with suppress(OSError):
            load(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL)

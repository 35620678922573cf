"""This file makes the import of large libraries cheap: loaded before, which holds up no thread; or without a part."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


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


@contextmanager
def without(package: str) -> Iterator[None]:
    """Let imports in here do without `package`, which something imports and only needs for what we never ask of it.
    They get an empty module; whoever imports `package` afterwards gets the real one."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = empty = ModuleType(package)
    try:
        yield
    finally:
        if sys.modules.get(package) is empty:
            del sys.modules[package]

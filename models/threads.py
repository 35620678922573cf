"""This file makes the threads in which engines compute: they give way to whoever must not be late, which is sound."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

NICENESS = 5
"""How much lower their priority is than that of the event loop, on Linux's scale of 40. With equal priority the loop,
and with it the next phrase, came up to 0.1 s late while speech-to-text had all cores [tried]."""


def engine_thread(name: str) -> ThreadPoolExecutor:
    """One thread, for work that takes its turn. What a library starts in it has the same low priority."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=give_way)


def give_way() -> None:
    """Lower the priority of this thread, and of those it starts, for good."""
    with suppress(OSError, AttributeError):  # not Linux; then all threads are equal
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)

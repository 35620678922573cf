"""The command `companion` in a terminal, of any width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from command import COMPANION

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(words: list[str], environment: dict[str, str], columns: int) -> tuple[int, list[str]]:
    """Its exit code, and every line that was shown, also those that were drawn over, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with subprocess.Popen(
        [COMPANION, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean | environment | {"TERM": "xterm-256color"},
    ) as running:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 65536):
                shown += block
        except OSError:  # the other side is closed
            pass
        code = running.wait(60)
    os.close(ours)
    plain = _CONTROL.sub("", shown.decode())
    return code, [line for line in plain.replace("\r", "\n").splitlines() if line]


CTRL_C = "\x03"

SILENT_SECONDS = 30.0
"""After which nothing more is expected."""

UNHEEDED_SECONDS = 1.0
"""After which Ctrl-C is pressed again: Python does not see one between a question and its waiting for the answer."""


def answered_in_terminal(
    words: list[str], environment: dict[str, str], answers: list[tuple[str, str]], columns: int = 80
) -> tuple[int, str]:
    """Its exit code and all that was shown, when each question after the first of a pair, once it ends with "]: ", gets
    the second."""
    clean = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    pid, ours = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.execve(COMPANION, [str(COMPANION), *words], clean | environment | {"TERM": "xterm-256color"})
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    shown, since, said = b"", 0, ""
    left = list(answers)
    try:
        while True:
            if not select.select([ours], [], [], UNHEEDED_SECONDS if said == CTRL_C else SILENT_SECONDS)[0]:
                if said != CTRL_C:
                    break
                os.write(ours, said.encode())
            if not (block := os.read(ours, 65536)):
                break
            shown += block
            plain = _CONTROL.sub("", shown.decode(errors="replace"))
            if left and left[0][0] in plain[since:] and plain.endswith("]: "):
                since = len(plain)
                said = left.pop(0)[1]
                os.write(ours, (said if said == CTRL_C else f"{said}\n").encode())
    except OSError:  # the other side is closed
        pass
    os.close(ours)  # which ends whoever still waits for an answer
    _, status = os.waitpid(pid, 0)
    assert not left, (left, shown.decode(errors="replace"))
    return os.waitstatus_to_exitcode(status), _CONTROL.sub("", shown.decode(errors="replace"))

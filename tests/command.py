"""The command `companion`, as somebody calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMPANION = Path(sys.executable).with_name("companion")


def companion(
    *words: object, stdin: str = "", within: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """`within`: a command that runs another one, such as one with less power."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPANION_", "DASHSCOPE_"))}
    return subprocess.run(
        [*within, str(COMPANION), *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        env=clean | environment,
        timeout=120,
        check=False,
    )


def journal(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]

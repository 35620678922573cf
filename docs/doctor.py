"""Makes docs/doctor.svg: what the doctor says of a toy of which two things are wrong.

Needs a sound server, as the tests do.
"""

import asyncio
import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from picture import WINDOW
from rich.console import Console

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from healthy import healthy, mock_qwen, models, room  # noqa: E402 - what tests have

from companion import doctor, examining  # noqa: E402
from device.sound_server import sound_server  # noqa: E402

WRONG = {"COMPANION_BODY__MICROPHONE": "seeed", "DASHSCOPE_API_KEY": "sk-..."}


def main() -> None:
    """Examine it, and draw what is printed."""
    console = Console(record=True, force_terminal=True, color_system="truecolor", width=90, file=io.StringIO())
    console.print("[bold]$[/bold] companion doctor")
    with TemporaryDirectory() as folder, mock_qwen() as url, sound_server() as sound:
        home = Path(folder)
        environment = healthy(sound, models(home / "store"), url, home) | WRONG
        os.environ.update(environment)
        sound.say(room(100.0), 16_000)
        findings = asyncio.run(examining.examine(examining.patient(None), deep=False))
    doctor.tell(findings, console)
    console.print()
    console.save_svg(str(HERE / "doctor.svg"), title="", code_format=WINDOW)


if __name__ == "__main__":
    main()

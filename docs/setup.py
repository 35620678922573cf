"""Makes docs/setup.svg: what one sees of `companion setup` when one takes what stands in the brackets.

It really happens, in a terminal of its own, with small models from a hub on this machine. Needs a sound server, as the
tests do, and root, to have folders of the machine's for itself.
"""

import io
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from picture import WINDOW
from rich.console import Console

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from healthy import MOCK_PINS, mock_qwen, room  # noqa: E402 - what tests have
from hub_first import add_first  # noqa: E402
from hub_here import hub_here  # noqa: E402
from in_terminal import answered_in_terminal  # noqa: E402

from device.sound_server import sound_server  # noqa: E402

APART = "--apart"
COLUMNS = 120
KEY = "sk-0123456789abcdef"

ANSWERS = [
    ("Which language", ""),
    ("Whom", ""),
    ("How are light and button wired?", ""),
    ("Which microphone?", ""),
    ("Which speaker?", ""),
    ("How is it called", ""),
    ("it is not shown", KEY),
    ("Of which region", ""),
    ("Pull", ""),
    ("Let it start", ""),
]

BAR = "━"
"""In lines that are drawn over, and gone in the end."""

LISTENS, WELL = "Now the doctor listens", "All is well."
"""What the doctor says between these is in a picture of its own."""


def main() -> None:
    """Set a toy up, and draw what is left on the screen."""
    with TemporaryDirectory() as folder, mock_qwen() as url, hub_here() as hub, sound_server() as sound:
        add_first(hub, Path(folder))
        alone(Path(folder))
        environment = {**sound.environment, **MOCK_PINS, **hub.environment, "COMPANION_CHAT__BASE_URL": url}
        with sound.saying(room(100.0), 16_000):
            code, shown = answered_in_terminal(["setup"], environment, ANSWERS, COLUMNS)
    assert (code, KEY in shown, WELL in shown) == (0, False, True), shown
    console = Console(record=True, force_terminal=True, color_system="truecolor", width=COLUMNS, file=io.StringIO())
    console.print("[bold]$[/bold] sudo companion setup")
    lines = [line for line in shown.replace("\r", "").splitlines() if line and BAR not in line]
    begins, ends = (next(n for n, line in enumerate(lines) if line.startswith(what)) for what in (LISTENS, WELL))
    for line in (*lines[: begins + 1], "...", *lines[ends:]):
        console.print(line, highlight=False, markup=False)
    console.print()
    console.save_svg(str(HERE / "setup.svg"), title="", code_format=WINDOW)


def alone(folder: Path) -> None:
    """Have an /etc, /run and /var/cache in which nobody else sees what is written; this process is apart."""
    (folder / "run" / "systemd" / "system").mkdir(parents=True)
    (folder / "cache" / "companion").mkdir(parents=True)
    subprocess.run(["cp", "-a", "/etc", folder / "etc"], check=True)
    for ours, theirs in (("etc", "/etc"), ("run", "/run"), ("cache", "/var/cache")):
        subprocess.run(["mount", "--bind", folder / ours, theirs], check=True)


if __name__ == "__main__":
    if sys.argv[1:] == [APART]:
        main()
    else:
        subprocess.run(["unshare", "--mount", sys.executable, __file__, APART], check=True)

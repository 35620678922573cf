"""Makes docs/demo.svg, the picture in the README: the demo's conversation, as a terminal shows it."""

import asyncio
import io
from pathlib import Path

from rich.console import Console

from companion import character, settings, simulation
from companion.terminal import Narrator
from device.simulated import World

HERE = Path(__file__).parent
SPEECH = HERE.parent / "tests" / "speech"
DEMO = ("hello-rms.wav", "breakfast-awb.wav", "story-moon-awb.wav", "goodnight-rms.wav")

WINDOW = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="{terminal_width}" height="{terminal_height}" rx="8" fill="#16181d"/>
<g transform="translate(9, 12)">{backgrounds}<g class="{unique_id}-matrix" xml:space="preserve">{matrix}</g></g>
</svg>
"""
"""Rich's own frame loads a font from elsewhere; this one needs nothing."""


def main() -> None:
    """Let the demo happen, and draw what it prints."""
    console = Console(record=True, force_terminal=True, color_system="truecolor", width=110, file=io.StringIO())
    console.print("[bold]$[/bold] make demo")
    narrator = Narrator(console, console, live=False)
    world = World()
    pip = character.load("pip")

    async def converse() -> simulation.Simulation:
        lines = [simulation.recording(SPEECH / name)[0] for name in DEMO]
        scene = simulation.simulation(settings.Settings(), [pip], lines, world=world, seed=0, observers=[narrator])
        async with scene as simulated:
            await simulated.run()
            return simulated

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        simulated = runner.run(converse())
    seconds = sum(audio.seconds for _, audio in simulated.speaker.heard)
    narrator.summary(simulated.engines, [("build/demo/reply.wav", seconds)], world.now())
    console.print()
    console.save_svg(str(HERE / "demo.svg"), title="", code_format=WINDOW)


if __name__ == "__main__":
    main()

"""Makes docs/interruption.svg: somebody talks over the toy, as loud as itself, in a room that answers.

Needs flite, whose voice the user has.
"""

import asyncio
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from companion import character, settings, simulation
from companion.audio import FRAME_SECONDS, RATE, Audio, Frame
from companion.echo import Echo
from companion.ports import Event
from device.room import Room
from device.scripted_user import Interruption
from device.simulated import World

HERE = Path(__file__).parent
SPEECH = HERE.parent / "tests" / "speech"
SAID = "Wait a moment, I want to ask you something else."
AFTER = 1.2
WIDTH, HEIGHT, LEFT, TOP, ROW = 960, 350, 190, 72, 66
BEFORE, LENGTH = 1.2, 3.6
"""Seconds shown before the user speaks, and in all."""

ROWS = (
    ("what the toy plays", "#00a040"),
    ("what its microphone hears", "#8a8f98"),
    ("what its ears hear", "#0090b0"),
)
EVENTS = {"duck": "softer", "pause": "silent", "interrupted": "given up"}
SHOWN = {"speaking": "#00d250", "listening": "#00dcff", "thinking": "#ff9600"}


def main() -> None:
    """Let it happen, and draw it."""
    frames, events, onset = happen()
    begins = onset - BEFORE
    rows = (
        [frame.played for frame, _ in frames],
        [frame.captured for frame, _ in frames],
        [clean for _, clean in frames],
    )
    ends = np.array([frame.ends for frame, _ in frames])
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif">']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>')
    for number, ((name, colour), sounds) in enumerate(zip(ROWS, rows, strict=True)):
        middle = TOP + ROW * number + ROW / 2
        points = []
        for end, sound in zip(ends, sounds, strict=True):
            if sound is not None and begins <= end <= begins + LENGTH:
                half = max(0.7, float(np.abs(sound.samples.astype(float)).max()) / 32768 * ROW)
                points.append((place(end - begins), min(half, ROW / 2 - 3)))
        upper = " ".join(f"{x:.1f},{middle - half:.1f}" for x, half in points)
        lower = " ".join(f"{x:.1f},{middle + half:.1f}" for x, half in reversed(points))
        parts.append(f'<polygon points="{upper} {lower}" fill="{colour}"/>')
        parts.append(f'<text x="12" y="{middle + 4}" font-size="12" fill="#333">{name}</text>')
    bottom = TOP + ROW * len(ROWS)
    parts.append(f'<text x="12" y="{bottom + 22}" font-size="12" fill="#333">its light</text>')
    states = [(event.at, event.fields["state"]) for event in events if event.name == "state"]
    for (at, state), (until, _) in zip(states, [*states[1:], (begins + LENGTH, "")], strict=True):
        x, end = place(max(at, begins) - begins), place(min(until, begins + LENGTH) - begins)
        if end > x:
            parts.append(
                f'<rect x="{x:.1f}" y="{bottom + 10}" width="{end - x:.1f}" height="16" fill="{SHOWN[state]}"/>'
            )
    marks = [("user begins", onset)] + [(EVENTS[event.name], event.at) for event in events if event.name in EVENTS]
    for number, (name, at) in enumerate(marks):
        x, y = place(at - begins), 16 + 16 * (number % 3)
        label = f"{name}, +{(at - onset) * 1000:.0f} ms" if at > onset else name
        line = f'x1="{x:.1f}" x2="{x:.1f}" y1="{y + 5}" y2="{bottom + 28}"'
        parts.append(f'<line {line} stroke="#d03030" stroke-dasharray="3 3"/>')
        parts.append(f'<text x="{x:.1f}" y="{y}" font-size="12" text-anchor="middle" fill="#d03030">{label}</text>')
    for second in range(int(LENGTH) + 1):
        x = place(second)
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 50}" font-size="10" text-anchor="middle" fill="#777">{second} s</text>'
        )
    parts.append("</svg>")
    (HERE / "interruption.svg").write_text("\n".join(parts) + "\n")


def place(seconds: float) -> float:
    """Where a moment is drawn."""
    return LEFT + seconds * (WIDTH - LEFT - 20) / LENGTH


def happen() -> tuple[list[tuple[Frame, Audio]], list[Event], float]:
    """The frames as they were captured and as the ears heard them, the journal, and when the user began."""
    frames: list[tuple[Frame, Audio]] = []
    events: list[Event] = []
    cleaned = Echo.cleaned

    def watched(self: Echo, frame: Frame) -> Frame:
        clean = cleaned(self, frame)
        frames.append((frame, clean.captured))
        return clean

    Echo.cleaned = watched  # type: ignore[method-assign]
    world = World()
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", "rms", "-t", SAID, "-o", wav], check=True)
        line = simulation.recording(SPEECH / "story-moon-awb.wav")[0]
        over = Interruption(AFTER, simulation.recording(wav)[0])

        async def converse() -> simulation.Simulation:
            scene = simulation.simulation(
                settings.Settings(),
                [character.load("pip")],
                [line],
                world=world,
                seed=0,
                observers=[events.append],
                room=Room(echo=0.0, delay=80.0, noise=-60.0),
                interruptions=[over],
            )
            async with scene as simulated:
                await simulated.run()
                return simulated

        with asyncio.Runner(loop_factory=world.event_loop) as runner:
            simulated = runner.run(converse())
        sound = np.abs(np.concatenate(list(over.line.samples())).astype(float))
    onset = simulated.user.said[1].began + float(np.argmax(sound > sound.max() * 0.03)) / RATE
    return frames, events, round(onset / FRAME_SECONDS) * FRAME_SECONDS


if __name__ == "__main__":
    main()

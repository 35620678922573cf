"""A model hub that has what one begins with in English: small ones by the great ones' names."""

from __future__ import annotations

import json
from pathlib import Path

from hub_here import HubHere
from toy_models import toy_piper, toy_smart_turn, toy_whisper

from models import manifest


def add_first(hub: HubHere, folder: Path) -> None:
    """Make them in `folder`, and let the hub have them."""
    toy_whisper(folder / "hub", "hello little fox")
    voice = toy_piper(folder / "hub")
    small = {path.name: path.read_bytes() for path in (folder / "hub").iterdir()}
    small |= {"voice.onnx": voice.read_bytes(), "voice.onnx.json": voice.with_suffix(".onnx.json").read_bytes()}
    small["smart-turn-v3.2-cpu.onnx"] = toy_smart_turn(folder / "turn.onnx").read_bytes()
    small["vocabulary.txt"] = "\n".join(json.loads(small["vocabulary.json"])).encode()
    for model in manifest.firsts(manifest.load(), "en"):
        for file in model.files:
            name = f"voice{''.join(Path(file.name).suffixes)}" if model.kind is manifest.Kind.PIPER else file.name
            hub.add(file.repository, file.revision, file.path, small[name])

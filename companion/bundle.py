"""This file packs what somebody who helps from afar needs to know: no key, no words of anybody, no sound."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from companion import children, machine, settings
from companion.errors import DeviceError, SettingsError
from companion.examining import Patient
from companion.finding import Finding
from companion.folders import store
from companion.keeping import keep_bytes
from companion.settings import Settings

LIBRARIES: Final = (
    "companion",
    "ctranslate2",
    "espeakng-loader",
    "faster-whisper",
    "gpiozero",
    "lgpio",
    "numpy",
    "onnxruntime",
    "openai",
    "piper-tts",
    "pocketsphinx",
    "pydantic",
    "rich",
    "sounddevice",
    "soxr",
    "typer",
)

WORDS: Final = frozenset(["toy.person", "chat.supplement", "ears.names", "chat.spoken_bias"])
"""Settings that may hold somebody's words or name: only whether they are set is told."""

LEFT_OUT: Final = "(left out)"

KEY: Final = re.compile(r"\bsk-[\w-]{3,}")
"""What looks like a key."""

NOTE: Final = """What `companion doctor --bundle` wrote. There is no key, no word of a conversation and no sound in it.

doctor.json     what the doctor found
versions.json   of Companion, Python and the libraries
machine.json    what computer it is
settings.json   the settings without whatever may be private
models.json     what is in the store, with sizes in bytes
"""


def bundle(file: Path, patient: Patient, findings: Sequence[Finding]) -> None:
    """Write a .tar.gz to `file`, whole or not at all. Raises DeviceError."""
    files = {
        "README.txt": NOTE,
        "doctor.json": _json({"checks": [_impersonal(finding).as_json() for finding in findings]}),
        "versions.json": _json(versions()),
        "machine.json": _json(computer()),
        "settings.json": _json(without_secrets(patient.settings)),
        "models.json": _json(dict(_models(store(patient.settings)))),
    }
    secrets = _secrets(patient.settings)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, text in files.items():
            content = scrubbed(text, secrets).encode()
            entry = tarfile.TarInfo(f"companion-bundle/{name}")
            entry.size = len(content)
            entry.mtime = int(datetime.now(UTC).timestamp())
            tar.addfile(entry, io.BytesIO(content))
    try:
        keep_bytes(file, packed.getvalue())
    except OSError as error:
        raise DeviceError(f"{file}: cannot be written ({error.strerror})") from error


def versions() -> dict[str, str]:
    """Of what a toy is made of."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def computer() -> dict[str, Any]:
    """What computer it is, without its name."""
    here = machine.computer()
    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        system = platform.system()
    return {
        "model": here.model,
        "system": system,
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "bits": here.bits,
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "gpio": here.gpio,
        "spi": here.spi,
        "cards": here.cards,
    }


def without_secrets(chosen: Settings) -> dict[str, Any]:
    """All settings, but for what may be private: of that, only whether it is set."""
    usual = Settings().model_dump(mode="json")
    found = chosen.model_dump(mode="json")
    for section, keys in found.items():
        for name in keys:
            if f"{section}.{name}" in WORDS and keys[name] != usual[section][name]:
                keys[name] = LEFT_OUT
    return found


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """`text` without the secrets, what looks like one, and the name of the user's folder."""
    for secret in secrets:
        text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], LEFT_OUT).replace(secret, LEFT_OUT)
    home = str(Path("~").expanduser())
    return KEY.sub(LEFT_OUT, text.replace(home, "~") if len(home) > 1 else text)


def _secrets(chosen: Settings) -> list[str]:
    try:
        known = settings.key(chosen)
    except SettingsError:
        known = None
    return [secret for secret in (known, os.environ.get(children.KEY_VARIABLE)) if secret]


def _impersonal(finding: Finding) -> Finding:
    """The same without what the toy is called by: a family has chosen that."""
    return replace(finding, what=LEFT_OUT) if finding.name == "name" else finding


def _models(folder: Path) -> Iterator[tuple[str, int]]:
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if path.is_file():
            known = path.relative_to(folder)
            learnt = known.parts[0] == "wake"  # whose file has the name that the toy was given
            yield f"wake/{LEFT_OUT} {number}" if learnt else str(known), path.stat().st_size


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

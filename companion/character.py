"""This file reads a character from its TOML file: who it is, how it sounds, what it says when a turn is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from companion import tables
from companion.errors import Cause, Deaf, NotHeard, NoVoice, SettingsError
from companion.phrasebook import DEAF, FILLERS, MUTED
from companion.words import language_of

BUNDLED = Path(__file__).parent / "characters"

LONGEST_SECTION = 6_000
"""Characters of one persona section: all four stay below the smallest input window (7,680 tokens), with room
for a conversation."""

LONGEST_LINE = 400
"""Characters of a line to be spoken: about half a minute."""

LONGEST_FILLER = 40
"""Characters of a filler: it delays the answer that comes while it is said."""

MOST_FILLERS = 8
"""Each is kept as sound."""

LIKE = {"clock": "unreachable"}
"""What a character without a line for the one says: its line for the other."""

WHILE_MUTED = "muted"
"""The kind of the line for somebody who calls it while it is muted."""

SPOKEN_GUIDE = (
    "Everything you write is spoken aloud by a small toy. Write only the words to be said: no parentheses, no stage "
    "directions, no lists, no emoji. One to three short sentences. If somebody sincerely asks, say that you are an AI."
)
"""The last paragraph of every system message: a bias on tokens only reduces what cannot be spoken, asking helps."""

PERSONA = {
    "details": "",
    "description": "About your life:",
    "context": "Where you are now:",
    "style": "How you speak:",
}
"""The four sections that the vendor's page asks for, with the heading each gets in the system message."""


@dataclass(frozen=True)
class Espeak:
    """How the embedded voice sounds for this character: espeak-ng's own parameters."""

    voice: str = "en-us"
    """A voice name, with a variant after "+" ("en-us+f3")."""
    pitch: int = 50
    """0 to 100."""
    range: int = 50
    """How lively the melody is, 0 to 100."""
    speed: int = 175
    """Words per minute, 80 to 450."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the mock server answers for this character."""

    hears: tuple[str, ...]
    """Words or phrases, lower case, any of which asks for this; empty: when nothing else fits."""
    says: tuple[str, ...]
    """One of these, by the request's seed. "{topic}" is what the user said, as far as it tells anything."""


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody one can talk to."""

    name: str
    summary: str
    """One line for `companion characters list`."""
    language: str
    """A BCP 47 tag: "en", "zh", "ja" ..."""
    details: str
    description: str
    context: str
    style: str
    opening: str
    """Its first words, really spoken, and the first assistant message."""
    espeak: Espeak
    apologies: Mapping[str, tuple[str, ...]]
    """What it says when a turn is lost, by the kind of the error; "lost" fits all of them. And what it says when its
    microphone is, or when it is called while it is muted."""
    fillers: tuple[str, ...]
    """What it says while one waits for its answer, in this order and over again; at least two, all different."""
    rehearsal: tuple[Rehearsed, ...]

    def system_message(self) -> str:
        """Its persona as the vendor's page lays it out; the same bytes every time, so that the service can cache."""
        sections = [
            f"{heading}\n{text}" if heading else text
            for section, heading in PERSONA.items()
            if (text := getattr(self, section).strip())
        ]
        return "\n\n".join([f"You are {self.name}.", *sections, SPOKEN_GUIDE])

    def apology(self, kind: str) -> str:
        """Its line for a turn lost to `kind`: always the same, so that it can be prepared."""
        alike = self.apologies.get(LIKE.get(kind, "lost"), self.apologies["lost"])
        return self.apologies.get(kind, alike)[0]

    @property
    def lines(self) -> tuple[str, ...]:
        """All that it says word for word, in the order in which it is needed."""
        return self.opening, *self.fillers, *(self.apology(kind) for kind in self.apologies)


def bundled() -> list[str]:
    """The names by which the characters that come with Companion are called."""
    return sorted(path.stem for path in BUNDLED.glob("*.toml"))


def load(name_or_file: str) -> Character:
    """A bundled character by name, or anybody's by file. Raises SettingsError with every mistake in it."""
    if name_or_file in bundled():
        return read(BUNDLED / f"{name_or_file}.toml")
    with suppress(OSError, RuntimeError):  # too long for a name, somewhere nobody may look, "~" of nobody
        path = Path(name_or_file).expanduser()
        if path.suffix == ".toml" or path.is_file():
            return read(path)
    near = get_close_matches(name_or_file.lower(), bundled(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(bundled())}, or name a .toml file"
    raise SettingsError([f"There is no character {name_or_file!r}: {hint}"])


def read(path: Path) -> Character:
    """The character in one file. Raises SettingsError with every mistake in it, each with the file's name."""
    return parse(tables.read(path), str(path))


def parse(table: Mapping[str, Any], origin: str) -> Character:
    """The character in a TOML table. Raises SettingsError with every mistake, each beginning with `origin`."""
    form = _Form(table)
    language = form.text("language", longest=35, default="en")
    character = Character(
        name=form.text("name", longest=60),
        summary=form.text("summary", longest=200),
        language=language,
        details=form.text("persona.details", longest=LONGEST_SECTION),
        description=form.text("persona.description", longest=LONGEST_SECTION, default=""),
        context=form.text("persona.context", longest=LONGEST_SECTION, default=""),
        style=form.text("persona.style", longest=LONGEST_SECTION),
        opening=form.text("opening", longest=LONGEST_LINE),
        espeak=Espeak(
            voice=form.text("voice.espeak.voice", longest=60, default=Espeak.voice),
            pitch=form.number("voice.espeak.pitch", 0, 100, Espeak.pitch),
            range=form.number("voice.espeak.range", 0, 100, Espeak.range),
            speed=form.number("voice.espeak.speed", 80, 450, Espeak.speed),
        ),
        apologies=MappingProxyType(_apologies(form, language)),
        fillers=_fillers(form) or tuple(FILLERS.get(language_of(language), FILLERS["en"])),
        rehearsal=tuple(form.rehearsal()),
    )
    if character.name == "user":
        form.refuse("name", "user is what the history calls the person who talks; take another")
    if mistakes := form.finish():
        raise SettingsError([f"{origin}: {mistake}" for mistake in mistakes])
    return character


def _apologies(form: _Form, language: str) -> dict[str, tuple[str, ...]]:
    """By kind. Where "lost" would ask for something impossible there are lines for a character that has none."""
    known = ["lost", NotHeard.kind, NoVoice.kind, *Cause, Deaf.kind, WHILE_MUTED]
    own = {
        kind: form.lines(f"apologies.{kind}", required=kind == "lost")
        for kind in known
        if kind == "lost" or form.has(f"apologies.{kind}")
    }
    usual = {Deaf.kind: DEAF, WHILE_MUTED: MUTED}
    return own | {
        kind: (lines.get(language_of(language), lines["en"]),) for kind, lines in usual.items() if kind not in own
    }


def _fillers(form: _Form) -> tuple[str, ...]:
    """None, where the file has none."""
    lines = form.lines("fillers", required=False, longest=LONGEST_FILLER) if form.has("fillers") else ()
    if any(lines) and not 2 <= len(set(lines)) == len(lines) <= MOST_FILLERS:
        form.refuse("fillers", f"there should be 2 to {MOST_FILLERS} of them, all different")
    return lines


class _Form:
    """Takes values out of a table by dotted key, and notes every mistake on the way instead of stopping at one."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._left = dict(_flat(table))
        self._known: list[str] = []
        self._mistakes: list[str] = []

    def has(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str, *, longest: int, default: str | None = None) -> str:
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._mistakes.append(f"{key} should be text, not {value!r:.40}")
            return ""
        if len(value) > longest:
            self._mistakes.append(f"{key} has {len(value)} characters; at most {longest} fit")
        if default is None and not value.strip():
            self._mistakes.append(f"{key} is empty")
        return value.strip()

    def number(self, key: str, lowest: int, highest: int, default: int) -> int:
        value = self._take(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self._mistakes.append(f"{key} should be a whole number from {lowest} to {highest}, not {value!r:.40}")
        return default

    def lines(self, key: str, *, required: bool, longest: int = LONGEST_LINE) -> tuple[str, ...]:
        value = self._take(key, None if required else [])
        if value is None:
            return ("",)
        return self._lines(key, value, longest=longest)

    def rehearsal(self) -> Iterator[Rehearsed]:
        value = self._take("rehearsal", [])
        entries = value if isinstance(value, list) and all(isinstance(entry, dict) for entry in value) else None
        if entries is None:
            self._mistakes.append("rehearsal should be a list of tables: [[rehearsal]]")
            return
        for number, entry in enumerate(entries, 1):
            where = f"rehearsal {number}"
            if unknown := sorted(set(entry) - {"hears", "says"}):
                self._mistakes.append(f"{where}: unknown {', '.join(unknown)}; it has hears and says")
            hears = self._lines(f"{where}, hears", entry.get("hears", []), empty=True)
            yield Rehearsed(tuple(word.lower() for word in hears), self._lines(f"{where}, says", entry.get("says")))

    def refuse(self, key: str, why: str) -> None:
        self._mistakes.append(f"{key}: {why}")

    def finish(self) -> list[str]:
        """All mistakes, unknown keys last."""
        for key in self._left:
            near = get_close_matches(key, self._known, n=1)
            self._mistakes.append(f"unknown key {key}" + (f"; did you mean {near[0]}?" if near else ""))
        return self._mistakes

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is None:
            self._mistakes.append(f"{key} is missing")
        return value

    def _lines(self, where: str, value: Any, *, empty: bool = False, longest: int = LONGEST_LINE) -> tuple[str, ...]:
        good = isinstance(value, list) and all(isinstance(line, str) and line.strip() for line in value)
        if not good or not (value or empty):
            self._mistakes.append(f"{where} should be a list of texts")
            return ("",)
        if any(len(line) > longest for line in value):
            self._mistakes.append(f"{where}: at most {longest} characters a line")
        return tuple(line.strip() for line in value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

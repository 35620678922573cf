"""This file reads the settings: a TOML file, and over it the environment; all mistakes are reported at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from companion import home, settings_paths, tables
from companion.address import is_address, is_open_to_all
from companion.children import KEY_VARIABLE
from companion.errors import SettingsError
from companion.patience import Age, Patience
from companion.quiet_hours import QuietHours

PREFIX = "COMPANION_"
"""`COMPANION_CHAT__BASE_URL` is `[chat] base_url`."""

CREDENTIAL, NO_CREDENTIAL = "api_key", "unset"
"""The name of systemd's credential with the key, and what it holds where the owner has put none."""

Called = Literal["open", "wake", "hold"]
"""How a toy gets to know that it is spoken to."""

MACHINES_FILE = Path("/etc/companion/companion.toml")

CREDENTIALS = "credentials"
"""The folder of the key, beside the settings."""

MACHINES_CREDENTIALS = MACHINES_FILE.parent / CREDENTIALS
"""Where the key of the machine's own toy is kept; systemd hands it to the service."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _a_place(cls, value: Any) -> Any:
        return settings_paths.from_home(value) if isinstance(value, Path) else value


class Toy(_Section):
    """`[toy]`: who it is."""

    character: str | tuple[str, ...] = Field(
        default="pip", description="a name from `companion characters list`, or a file; a list of them talks together"
    )
    person: str = Field(default="", max_length=60, description="what the characters call you when there are several")
    nudge: bool = Field(default=True, description="whether it goes on by itself, once, when you leave it unanswered")

    @property
    def characters(self) -> tuple[str, ...]:
        """All of them."""
        return (self.character,) if isinstance(self.character, str) else self.character


class Ears(_Section):
    """`[ears]`: how it listens."""

    engine: Literal["auto", "whisper", "sphinx"] = Field(
        default="auto", description="speech-to-text: auto (whisper when the store has a model), whisper, or sphinx"
    )
    model: Path | None = Field(default=None, description="a Whisper's folder; else one is looked for in the store")
    patience: Age = Field(default="adult", description="with whom: an adult, or a child, who pauses for longer")
    longest: float = Field(default=Patience.longest, ge=2.0, le=30.0, description="seconds after which it is cut")
    called: Called | None = Field(
        default=None,
        description="open (whoever speaks), wake (its name), hold (its button); else wake on duty, or open",
    )
    names: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = Field(
        default=(), description="what it is called by, such as hey jarvis; else trained names, or hey and its name"
    )

    @field_validator("longest", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("should be a number of seconds, not true or false")
        return value

    @field_validator("names", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        """In the environment it is phrases with commas between them."""
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


class Chat(_Section):
    """`[chat]`: the character's mind."""

    engine: Literal["auto", "qwen", "rehearsal"] = Field(
        default="auto", description="auto (Qwen-Character when there is a key), qwen, or rehearsal (the mock server)"
    )
    base_url: str = Field(default="", description="the service's address; empty: the vendor's international host")
    model: str = Field(default="", description="empty: qwen-flash-character")
    candidates: int = Field(default=1, ge=1, le=4, description="replies asked for each turn; the best is spoken")
    spoken_bias: Literal["prose", "vendor", "off"] | dict[str, float] = Field(
        default="prose", description="what keeps stage directions away: prose, vendor, off, or token ids and weights"
    )
    temperature: float | None = Field(default=None, ge=0, lt=2, description="else the service's own, as for the next")
    top_p: float | None = Field(default=None, gt=0, le=1, description="one of the two is enough to change")
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, description="against what was said before")
    repetition_penalty: float | None = Field(default=None, gt=0, description="against repeating itself")
    top_k: int | None = Field(default=None, ge=0, description="of how many likeliest words it chooses")
    max_tokens: int = Field(default=400, ge=1, le=4096, description="longest reply")
    supplement: str = Field(default="", max_length=2000, description="what it should know just now, each turn anew")
    tell_time: bool = Field(default=True, description="whether it knows what time it is (never in simulation)")
    key_file: Path | None = Field(default=None, description=f"a file that holds the key; else {KEY_VARIABLE} is used")

    @field_validator("spoken_bias", mode="before")
    @classmethod
    def _a_bias(cls, value: Any) -> Any:
        if not isinstance(value, dict) and value not in ("prose", "vendor", "off"):
            raise ValueError("should be prose, vendor, off, or a table of token ids and weights")
        for token, weight in value.items() if isinstance(value, dict) else ():
            number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not token.isdecimal() or not number or not -100 <= weight <= 100:
                raise ValueError(f"should give each token id a weight from -100 to 100, not {token!r} {weight!r:.20}")
        return value

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value:
            if not is_address(value):
                raise ValueError("should be an address like https://host/v1")
            parts = urlsplit(value)
            if parts.username or parts.password:
                raise ValueError("should hold no user or password; the key has its own place")
            if is_open_to_all(value):
                raise ValueError("should begin with https: over http everybody on the way could read the key")
        return value


class Voice(_Section):
    """`[voice]`: how it speaks."""

    engine: Literal["auto", "piper", "espeak"] = Field(
        default="auto", description="text-to-speech: auto (piper when the store has a voice), piper, or espeak"
    )
    model: Path | None = Field(default=None, description="a Piper voice's .onnx file; else one of the store's")


class Body(_Section):
    """`[body]`: what it is built of."""

    board: str = Field(default="generic-rgb", description="where light and button are: a profile's name")
    microphone: str | None = Field(default=None, description="a sound card by name; else the system's default")
    speaker: str | None = Field(default=None, description="a sound card by name; else the system's default")
    speaker_rests: bool = Field(
        default=True,
        description="whether the speaker is closed while nothing was said for long, which saves most of what listening "
        "costs; false for an amplifier that pops when it is opened",
    )
    volume: float = Field(default=1.0, ge=0.0, le=1.0, description="how loud it may be, 0 to 1")
    earcons: bool | None = Field(
        default=None,
        description="whether it sounds briefly when it is called, muted ...; else if a name or button calls",
    )
    brightness: float = Field(default=1.0, gt=0.0, le=1.0, description="how bright its light may be, above 0, to 1")
    night_brightness: float = Field(default=0.2, gt=0.0, le=1.0, description="the same, in the quiet hours")
    quiet_hours: str = Field(default="", description="when it is to be dim, such as 20:00-07:00; empty: never")
    echo: Literal["auto", "kalman", "webrtc", "hardware", "none"] = Field(
        default="auto",
        description="what takes its own voice out of its microphone, so that it can be interrupted: auto (kalman), "
        "kalman, webrtc (needs the package livekit), hardware (the sound card does), or none (its button interrupts)",
    )

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        if value.strip():
            QuietHours.parse(value)
        return value.strip()


class Wiring(_Section):
    """`[board]`: what is wired differently from the profile that `[body] board` names. Pins are BCM numbers."""

    button: int | None = Field(default=None, description="the button's pin")
    button_active_high: bool | None = Field(default=None, description="whether that is high while it is pressed")
    light: Literal["none", "led", "rgb", "apa102"] | None = Field(
        default=None, description="none, led, rgb, or apa102 (a chain on SPI0)"
    )
    light_pins: tuple[int, ...] | None = Field(default=None, description="one for led; red, green and blue for rgb")
    light_active_high: bool | None = Field(default=None, description="whether a high pin lights it")
    lamps: int | None = Field(default=None, ge=1, le=256, description="how many there are in a chain")

    @field_validator("light_pins", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        """In the environment it is numbers with commas between them."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @property
    def changes(self) -> dict[str, Any]:
        """What is given, by name."""
        return self.model_dump(exclude_none=True)


class Models(_Section):
    """`[models]`: where they are."""

    store: Path | None = Field(default=None, description="the store's folder; else /var/cache/companion or the user's")
    manifest: Path | None = Field(default=None, description="a file that names more models than Companion knows")


class Memory(_Section):
    """`[memory]`: the service's long-term memory, for Chinese."""

    enabled: bool = Field(default=False, description="whether the service remembers the conversation for good")
    entries: int = Field(default=50, ge=20, le=400, description="messages after which it sums up")
    skip: tuple[Literal["system", "user", "assistant", "output"], ...] = Field(
        default=(), description="kinds of messages that it shall not remember"
    )
    state: Path | None = Field(
        default=None, description="folder that keeps the session's id, and whether it is muted; else the usual one"
    )

    @field_validator("skip", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        """In the environment it is words with commas between them."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


class Settings(_Section):
    """All settings, each with a default that works."""

    toy: Toy = Toy()
    ears: Ears = Ears()
    chat: Chat = Chat()
    voice: Voice = Voice()
    body: Body = Body()
    board: Wiring = Wiring()
    models: Models = Models()
    memory: Memory = Memory()

    def with_called(self, called: Called | None) -> Settings:
        """The same, but for how the toy is called, if that is given."""
        if called is None:
            return self
        return self.model_copy(update={"ears": self.ears.model_copy(update={"called": called})})


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `file` (none: the defaults), overridden by `environment`. Raises SettingsError."""
    return checked(tables.read(file) if file else {}, file, environment)


def checked(given: Mapping[str, Any], file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings `given` by section and key, as they stand or shall stand in `file`, overridden by `environment`.
    Raises SettingsError."""
    origin = {_dotted(path): str(file) for path, _ in _leaves(given)}
    origin |= {_dotted(path): variable for variable, path in _variables(environment)}
    try:
        return Settings.model_validate(_merged(given, file, environment))
    except ValidationError as error:
        mistakes = [_sentence(mistake, origin) for mistake in error.errors(include_url=False, include_input=False)]
        raise SettingsError(mistakes) from None  # the error itself would show values, and a key may be among them


def as_far_as_it_goes(
    file: Path | None, environment: Mapping[str, str] = os.environ
) -> tuple[Settings, tuple[str, ...]]:
    """The settings without what is mistaken in them, and the mistakes: for whoever looks at all the rest as well."""
    try:
        return load(file, environment), ()
    except SettingsError as error:
        mistakes = error.mistakes
    try:
        given = tables.read(file) if file else {}
    except SettingsError:
        given = {}
    table = _merged(given, file, environment)
    for _ in range(len(mistakes) + 1):
        try:
            return Settings.model_validate(table), mistakes
        except ValidationError as error:
            for mistake in error.errors(include_url=False, include_input=False):
                _take_out(table, [str(part) for part in mistake["loc"]][:2])
    return Settings(), mistakes


def _take_out(table: dict[str, Any], path: Sequence[str]) -> None:
    """Remove a key, or what stands in the place of its section."""
    *sections, name = path
    inside = table.get(sections[0]) if sections else table
    if isinstance(inside, dict):
        inside.pop(name, None)
    else:
        table.pop(sections[0], None)


def key(settings: Settings, environment: Mapping[str, str] = os.environ) -> str | None:
    """The key to the service, wherever it is kept: the key file, a systemd credential, the environment, or the
    machine's own, which only root may read. Raises SettingsError if a key file was named and cannot be read, and for
    what cannot be a key."""
    secret = _secret(settings, environment)
    if secret and not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise SettingsError(["The key holds spaces, line breaks or letters that no key has: copy it again, alone"])
    return secret


def _secret(settings: Settings, environment: Mapping[str, str]) -> str | None:
    if settings.chat.key_file:
        try:
            return settings.chat.key_file.read_text(encoding="utf-8").strip() or None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None)
            reason = reason or ("it is not text" if isinstance(error, UnicodeDecodeError) else "there is no such path")
            raise SettingsError([f"chat.key_file: {settings.chat.key_file} cannot be read ({reason})"]) from error
    given = environment.get("CREDENTIALS_DIRECTORY")
    return (
        (_credential(Path(given)) if given else None)
        or environment.get(KEY_VARIABLE, "").strip()
        or _credential(MACHINES_CREDENTIALS)
    )


def _credential(folder: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        secret = (folder / CREDENTIAL).read_text(encoding="utf-8").strip()
        return secret if secret not in ("", NO_CREDENTIAL) else None
    return None


def key_place(file: Path) -> Path:
    """Where the key is kept for the toy whose settings are in `file`: beside them."""
    return file.parent / CREDENTIALS / CREDENTIAL


def usual_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The settings file that a toy on duty reads when none is named: the machine's, else the user's, if it is there, or
    if nobody may look: whoever reads it then says so."""
    return next((file for file in (MACHINES_FILE, users_file(environment)) if _may_be_there(file)), None)


def _may_be_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        return True


def users_file(environment: Mapping[str, str]) -> Path:
    """Where a user's own settings belong."""
    return home.settings(environment) / "companion" / MACHINES_FILE.name


def usual(file: Path | None) -> Settings:
    """The settings in `file`; if none is named, those of a toy on duty. Raises SettingsError."""
    return load(file or usual_file())


def _merged(given: Mapping[str, Any], file: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """What is `given` in `file`, its paths counted from there, and over it the environment."""
    table = deepcopy(dict(given))
    if file:
        settings_paths.count_from(file.parent, table, _paths())
    for variable, path in _variables(environment):
        _put(table, path, environment[variable])
    return table


def _paths() -> Iterator[tuple[str, str]]:
    """The section and key of each path."""
    for section, field in Settings.model_fields.items():
        for name, inner in type(field.default).model_fields.items():
            if Path in get_args(inner.annotation):
                yield section, name


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Those that are settings, and which section and key each stands for."""
    for variable in sorted(environment):
        if variable.startswith(PREFIX):
            yield variable, tuple(variable.removeprefix(PREFIX).lower().split("__"))


def _put(table: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    """Set a value deep in `table`, unless something that is no section is in the way: that is a mistake of its own."""
    *sections, name = path
    if sections and not isinstance(table.get(sections[0], {}), dict):
        return
    for section in sections:
        if not isinstance(table.get(section), dict):
            table[section] = {}
        table = table[section]
    table[name] = value


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _sentence(mistake: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    dotted = _dotted(tuple(str(part) for part in mistake["loc"]))
    where = next((place for key, place in origin.items() if _within(key, dotted) or _within(dotted, key)), "settings")
    if mistake["type"] == "extra_forbidden":
        near = get_close_matches(dotted, known_keys(), n=1) or get_close_matches(dotted, Settings.model_fields, n=1)
        return f"{where}: unknown key {dotted}" + (f"; did you mean {near[0]}?" if near else "")
    if mistake["type"] == "model_type":
        return f"{where}: {dotted} should be a section with keys of its own"
    what = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{where}: {dotted} {what}"


def known_keys() -> list[str]:
    """Every key there is, as "section.name"."""
    return [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    ]


def _within(inner: str, outer: str) -> bool:
    """Whether one key is the other, or lies in it: an entry in its list, a list in its section."""
    return f"{inner}.".startswith(f"{outer}.")


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)

"""This file reads which models can be pulled: `manifest.toml` beside it, and over it a file of the owner's.

A manifest says where a model lies at the hub, under which licence, what it is good for and on which board. It holds no
digests: those are the hub's to tell, and are kept when a model is pulled for the first time (`models/ledger.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from companion import tables
from companion.errors import SettingsError
from models.whisper_languages import LANGUAGES, code

BUNDLED: Final = Path(__file__).with_name("manifest.toml")

ANY: Final = "*"
"""The language of what is good for all that it was trained in: a Whisper's about a hundred."""

WEIGHTS: Final = "model.safetensors"
"""What is converted when it has been pulled."""


class Kind(StrEnum):
    """What a model is for, and the name of its folder in the store."""

    WHISPER = "whisper"
    PIPER = "piper"
    SMART_TURN = "smart-turn"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file at the hub."""

    repository: str
    """As "owner/name"."""
    revision: str
    path: str

    @property
    def name(self) -> str:
        """Without the folders."""
        return PurePosixPath(self.path).name

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}/{self.path}"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be pulled."""

    kind: Kind
    name: str
    """Of all kinds no other has it."""
    files: tuple[Remote, ...]
    languages: tuple[str, ...]
    """BCP 47 tags; `ANY` alone stands for nearly all."""
    megabytes: int
    """Of what is pulled, about."""
    licence: str
    good_for: str
    board: str
    first: bool
    """Whether it is the one to take for its languages, if nothing else is said."""
    first_on: tuple[str, ...] = ()
    """On which computers it is, in place of that one: what their names begin with, as in "Raspberry Pi 4"."""

    @property
    def converted(self) -> bool:
        """Whether it is pulled in the hub's own format, and converted here."""
        return any(file.name == WEIGHTS for file in self.files)

    def knows(self, language: str) -> bool:
        """Whether it is for a language, a BCP 47 tag."""
        if self.languages == (ANY,):
            return self.kind is not Kind.WHISPER or code(language) in LANGUAGES
        return any(_primary(known) == _primary(language) for known in self.languages)


def load(own: Path | None = None) -> dict[str, Model]:
    """All models by name, in the order of their manifests; those of the owner's manifest come last and take the place
    of those with the same name. Raises SettingsError with every mistake in it."""
    models = _read(BUNDLED)
    return models | _read(own) if own else models


def find(models: Mapping[str, Model], names: Iterable[str]) -> list[Model]:
    """The models with these names, each once. Raises SettingsError for all that there are not."""
    found: dict[str, Model] = {}
    mistakes: list[str] = []
    for name in names:
        plain = name.removesuffix("/").rpartition("/")[2]
        if plain in models:
            found[plain] = models[plain]
        else:
            mistakes.append(unknown(name, models))
    if mistakes:
        raise SettingsError(mistakes)
    return list(found.values())


def unknown(name: str, known: Collection[str]) -> str:
    """The sentence for the name of a model that is not among those that are `known`."""
    plain = name.removesuffix("/").rpartition("/")[2]
    parts = [each for each in known if plain and plain.lower() in each.lower()]
    near = parts[:3] or get_close_matches(plain, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `companion models list`"
    return f"There is no model {name!r}; {hint}"


def firsts(models: Mapping[str, Model], language: str, computer: str = "") -> list[Model]:
    """The models to take for a language, one of a kind: one for the computer, by its name, before others, and one for
    the language alone before one for many."""

    def meant(model: Model) -> bool:
        return computer.startswith(model.first_on)

    chosen: dict[Kind, Model] = {}
    for model in sorted(models.values(), key=lambda model: (not meant(model), model.languages == (ANY,))):
        if (model.first or meant(model)) and model.knows(language):
            chosen.setdefault(model.kind, model)
    return [chosen[kind] for kind in Kind if kind in chosen]


def _primary(language: str) -> str:
    return re.split("[-_]", language.lower())[0]


def _one_segment(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
        raise ValueError("should be letters, digits, dots and dashes, the first no dot")
    return name


def _a_path(path: str) -> str:
    if not path or any(not re.fullmatch(r"[\w.+@ -]+", part) or part.strip(".") == "" for part in path.split("/")):
        raise ValueError("should be a file's path in the repository, like en/en_US-lessac-medium.onnx")
    return path


def _a_repository(repository: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository):
        raise ValueError("should be owner/name, as in Systran/faster-whisper-tiny")
    return repository


Line = Annotated[str, Field(min_length=1, max_length=200)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Table):
    repository: Annotated[str, AfterValidator(_a_repository)]
    revision: Annotated[str, AfterValidator(_one_segment)]
    files: Annotated[tuple[Annotated[str, AfterValidator(_a_path)], ...], Field(min_length=1)]

    def remotes(self) -> Iterator[Remote]:
        return (Remote(self.repository, self.revision, path) for path in self.files)


class _Entry(_Source):
    also: tuple[_Source, ...] = ()
    """What another repository adds."""
    languages: Annotated[tuple[Line, ...], Field(min_length=1)]
    megabytes: Annotated[int, Field(ge=1)]
    licence: Line
    good_for: Line
    board: Line
    first: bool = False
    first_on: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        names = [remote.name for remote in self.everything()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names {', '.join(twice)} twice, and one folder can hold each only once")
        return self

    def everything(self) -> tuple[Remote, ...]:
        return tuple(remote for source in (self, *self.also) for remote in source.remotes())


class _Manifest(_Table):
    whisper: dict[Annotated[str, AfterValidator(_one_segment)], _Entry] = {}
    piper: dict[Annotated[str, AfterValidator(_one_segment)], _Entry] = {}
    smart_turn: Annotated[
        dict[Annotated[str, AfterValidator(_one_segment)], _Entry], Field(alias=Kind.SMART_TURN.value)
    ] = {}


def _read(file: Path) -> dict[str, Model]:
    try:
        manifest = _Manifest.model_validate(tables.read(file))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise SettingsError([f"{file}: {_sentence(mistake)}" for mistake in found]) from None
    models: dict[str, Model] = {}
    mistakes: list[str] = []
    for kind, entries in zip(Kind, (manifest.whisper, manifest.piper, manifest.smart_turn), strict=True):
        for name, entry in entries.items():
            if name in models:
                mistakes.append(f"{kind}.{name}: there is a {models[name].kind} of that name; take another")
            if lacking := sorted(_needed(kind, name, entry) - {remote.name for remote in entry.everything()}):
                mistakes.append(f"{kind}.{name}: its files lack {', '.join(lacking)}")
            models[name] = Model(
                kind,
                name,
                entry.everything(),
                entry.languages,
                entry.megabytes,
                entry.licence,
                entry.good_for,
                entry.board,
                entry.first,
                entry.first_on,
            )
    if mistakes:
        raise SettingsError([f"{file}: {mistake}" for mistake in mistakes])
    return models


def _needed(kind: Kind, name: str, entry: _Entry) -> set[str]:
    """The files without which a model is none."""
    match kind:
        case Kind.PIPER:
            return {f"{name}.onnx", f"{name}.onnx.json"}
        case Kind.SMART_TURN:
            return {f"{name}.onnx"}
        case Kind.WHISPER:
            weights = {remote.name for remote in entry.everything()} & {WEIGHTS} or {"model.bin"}
            return {"config.json", "tokenizer.json", *weights}


def _sentence(mistake: Mapping[str, Any]) -> str:
    *above, last = path = [str(part) for part in mistake["loc"] if part != "[key]"]
    where = ".".join(path)
    if mistake["type"] == "extra_forbidden":
        known = _Entry.model_fields if above else list(Kind)
        near = get_close_matches(last, known, n=1)
        return f"unknown key {where}" + (f"; did you mean {near[0]}?" if near else "")
    if mistake["type"] == "missing":
        return f"{where} is missing"
    what = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {what}"

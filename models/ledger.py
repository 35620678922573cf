"""This file remembers what was pulled: which digests the hub told the first time, and those of the files in the store.

It is `pulled.json` in the store. What the hub said once is believed ever after, also when the model is not here any
more: where it says something else later, that is told, and not taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from companion.errors import NotPulled
from companion.replacing import replace_file
from models.hub import digest
from models.manifest import Kind

NAME: Final = "pulled.json"

VERSION: Final = 1
"""Of what is in it; raised when an older Companion could not read it."""

ANEW: Final = (
    "remove it, and give `companion models pull --anew NAME` for each model that you had pulled "
    "(`companion models list` has what is here); only what was converted is loaded again"
)
"""What mends a damaged ledger: without one nobody could tell a converted model from the owner's own."""


class LedgerUnread(NotPulled):
    """Nobody knows what was pulled."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}: {mend}")
        self.what, self.mend = what, mend


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that was pulled."""

    kind: Kind
    sources: Mapping[str, str]
    """By `Remote`, as text: the digest that the hub told when it was pulled first."""
    commits: Mapping[str, str]
    """The same: of which commit it was, as far as the hub said so."""
    files: Mapping[str, str]
    """By path in the store: the digest of what lies there."""


def read(store: Path) -> dict[str, Pulled]:
    """All that were pulled, by name. Raises LedgerUnread."""
    return _read(store)[0]


def told(store: Path) -> dict[str, str]:
    """The digest that the hub told of each file when it was pulled first, by `Remote`, as text; those of models that
    were removed since are among them. Raises LedgerUnread."""
    return _read(store)[1]


def write(store: Path, name: str, pulled: Pulled | None) -> None:
    """Remember a model, or that it is gone. After a power cut there is the old ledger, or the new one. Raises
    OSError, LedgerUnread."""
    models, digests = _read(store)
    models.pop(name, None)
    if pulled:
        models[name] = pulled
        digests |= pulled.sources
    kept = {"version": VERSION, "models": {key: asdict(models[key]) for key in sorted(models)}, "told": digests}
    replace_file(store / NAME, json.dumps(kept, indent=1).encode())


def faults(store: Path, pulled: Pulled) -> list[str]:
    """What is wrong with a model's files, in words without the mend; nothing where each is what it was when it was
    pulled. Reads all of them."""
    found: list[str] = []
    for path, known in pulled.files.items():
        try:
            if digest(store / path, known) != known:
                found.append(f"{store / path} is not what was pulled")
        except FileNotFoundError:
            found.append(f"{store / path} is missing")
        except OSError as error:
            found.append(f"{store / path} cannot be read ({error.strerror})")
    return found


def _read(store: Path) -> tuple[dict[str, Pulled], dict[str, str]]:
    file = store / NAME
    try:
        kept = json.loads(file.read_bytes())
        if kept["version"] != VERSION:
            raise LedgerUnread(f"{file} was written by a newer Companion", "use that one")
        models = {name: _pulled(each) for name, each in kept["models"].items()}
        digests = {remote: then for each in models.values() for remote, then in each.sources.items()}
        return models, digests | _texts(kept.get("told", {}))
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise LedgerUnread(f"{file} cannot be read ({error.strerror})", "see to it, or ask as its owner") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerUnread(f"{file} is damaged", ANEW) from error


def _pulled(kept: Mapping[str, Any]) -> Pulled:
    sources, commits, files = (_texts(kept[part]) for part in ("sources", "commits", "files"))
    if any(not _within(path) for path in files):
        raise ValueError("a path that leads out of the store")
    return Pulled(Kind(kept["kind"]), sources, commits, files)


def _texts(kept: Mapping[Any, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in kept.items()}


def _within(path: str) -> bool:
    return not path.startswith("/") and ".." not in Path(path).parts

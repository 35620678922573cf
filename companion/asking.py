"""This file asks somebody in a terminal, or takes what a flag says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from companion.errors import CompanionError, SettingsError
from companion.screen import out


def answer(
    question: str,
    flag: str | None,
    usual: str,
    parse: Callable[[str], str],
    asking: bool,
    choices: Sequence[str] = (),
) -> str:
    """A flag's answer, else somebody's, asked again until it can be; what is `usual` where nobody is asked. A choice
    is its answer, two spaces, and what it means. Raises SettingsError, DeviceError for a flag's."""
    if flag is not None:
        return parse(flag)
    if not asking:
        return usual
    out.print(question, soft_wrap=True, markup=False)
    for number, choice in enumerate(choices, 1):
        out.print(f"  {number}  {choice}", soft_wrap=True, markup=False)

    def parse_choice(said: str) -> str:
        if said.isdecimal() and 0 < int(said) <= len(choices):
            said = choices[int(said) - 1].partition("  ")[0]
        return parse(said)

    said = asked(lambda: input(f"[{usual}]: "), parse_choice)
    return usual if said is None else said


def asked(ask: Callable[[], str], parse: Callable[[str], str]) -> str | None:
    """What somebody says, asked again until it can be; None if they say nothing."""
    while said := ask().strip():
        try:
            return parse(said)
        except CompanionError as error:
            out.print(f"{error}", style="yellow", soft_wrap=True, markup=False)
    return None


def yes(question: str, *, usual: bool) -> bool:
    """Whether somebody says yes."""
    while True:
        said = input(f"{question} [{'Y/n' if usual else 'y/N'}]: ").strip().lower()
        if said in ("", "y", "yes", "n", "no"):
            return usual if not said else said.startswith("y")
        out.print("y or n, please", style="yellow")


def one_of(name: str, complaint: str, known: Sequence[str]) -> str:
    """The name, if it is known. Raises SettingsError."""
    if name in known:
        return name
    near = get_close_matches(name.lower(), known, n=1)
    raise SettingsError(
        [f"{complaint} {name!r}; {f'did you mean {near[0]}?' if near else 'one of ' + ', '.join(known)}"]
    )

"""This file is the command `companion doctor`: what is the matter with a toy, in words, and what mends it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from companion import examining, settings
from companion.finding import Finding, works
from companion.screen import Usual, errors, out

MARKS: Final = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}
"""Of a finding, by whether it is well; and ..."""

WARNING: Final = ("!", "yellow")
"""... of what works and should be mended all the same."""

WORDS: Final = {True: "ok", False: "WRONG", None: "-"}
"""The same where there is no terminal."""

NAME_CELLS: Final = max(map(len, examining.ORDER))


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="also what makes a sound, lights the light, loads the models and compares them"),
    ] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="also write FILE, a .tar.gz for whoever helps you: no key, no words, no sound in it"
        ),
    ] = None,
    config: Usual = None,
) -> None:
    """Say in words what is the matter with the toy, and what mends it. With a key, the service is asked for a word.
    Ends with 1 if something keeps the toy from working."""
    patient = examining.patient(config or settings.usual_file())
    waiting = out.status("Listening, looking, asking ...") if out.is_terminal and not as_json else nullcontext()
    try:
        with waiting, quiet_libraries():
            findings = asyncio.run(examining.examine(patient, deep=deep))
    except KeyboardInterrupt:
        raise typer.Exit(1) from None
    if bundle:
        from companion.bundle import bundle as write_bundle

        write_bundle(bundle, patient, findings)
    if as_json:
        print(json.dumps(report(findings), ensure_ascii=False))  # noqa: T201 - nothing but this
    else:
        tell(findings, out)
    if bundle:
        errors.print(f"Written: {bundle}. Look into it before you send it.", soft_wrap=True, markup=False)
    if not works(findings):
        raise typer.Exit(1)


def report(findings: Sequence[Finding]) -> dict[str, object]:
    """What `--json` prints."""
    return {"checks": [finding.as_json() for finding in findings]}


def tell(findings: Sequence[Finding], out: Console) -> None:
    """Print the findings: in a terminal wrapped within their column, elsewhere a line for each."""
    if not out.is_terminal:
        for finding in findings:
            word = "warning" if finding.is_warning else WORDS[finding.ok]
            mend = f". Mend: {finding.mend}" if finding.mend else ""
            out.print(f"{word:<8} {finding.name:<{NAME_CELLS}}  {finding.what}{mend}", soft_wrap=True, markup=False)
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=NAME_CELLS)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, style = WARNING if finding.is_warning else MARKS[finding.ok]
        what = Text(finding.what, style="dim" if finding.ok is None and not finding.mend else "")
        if finding.mend:
            what.append(f"\n→ {finding.mend}", style="cyan")
        table.add_row(Text(mark, style=style), Text(finding.name, style="bold" if finding.mend else ""), what)
    out.print(table)
    out.print(_summary(findings), soft_wrap=True)


def _summary(findings: Sequence[Finding]) -> Text:
    wrong = sum(finding.ok is False for finding in findings)
    warnings = sum(finding.is_warning for finding in findings)
    if wrong:
        return Text(
            f"\n{wrong} to be mended before it works{f', {warnings} more to look at' if warnings else ''}.", "bold red"
        )
    return Text(
        f"\nIt works; {warnings} to look at." if warnings else "\nAll is well.", "yellow" if warnings else "bold green"
    )


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """What ALSA and others write to stderr themselves, about devices that nobody asked for, is not shown inside."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

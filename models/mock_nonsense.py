"""This file writes the answers that a model should not give, for tests of whoever has to speak them. Pure."""

from __future__ import annotations

from models.mock_faults import Faults

CONTROL = (
    "Well\u0000 then,\u0007 \u001b[31mlisten\u001b[0m:\r\n\r\n# A heading\n\n* **one** thing\n* `another`\n\n"
    "| a | b |\n|---|---|\n\n```python\nprint('hello')\n```\n"
    "See https://example.com/a?b=c#d or [a page](http://example.org). \U0001f98a\U0001f3f3\ufe0f\u200d\U0001f308 "
    "\ud800 and \udfff are halves. \u202eturned\u202c, zero\u200bwidth, \ufeffmarked, e\u0301\u0301\u0301.\x7f\x85 Bye!"
)
"""Everything that is no speech: control characters, markup, addresses, emoji, lone surrogates, marks that turn text."""

DIRECTIONS = (
    "(Smiles warmly) {text} (waves (with both paws) and laughs) *nods slowly* And you? （微笑）[yawns] 【sighs】 "
    "(leans in) Tell me."
)
"""Every kind of stage direction, at the beginning, nested, in a row and before the last words."""

SENTENCE = "And then another thing happened, which was even longer than the last one. "


def spoiled(text: str, faults: Faults) -> str | None:
    """What is answered instead of `text`; None where no fault concerns the words."""
    if "empty" in faults:
        return ""
    if "control" in faults:
        return CONTROL
    if "parentheses" in faults:
        return DIRECTIONS.replace("{text}", text)
    if "giant" in faults:
        length = int(faults["giant"])
        return (text + " " + SENTENCE * (length // len(SENTENCE) + 1))[:length]
    return None

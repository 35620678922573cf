"""This file remembers sessions as the vendor's service does: beginnings of prompts, and the long-term memory.

Source: the vendor's page on Qwen-Character, whose table of six turns the long-term memory follows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from companion.ports import Message
from models.mock_errors import Refused
from models.mock_reply import shared_tokens
from models.mock_request import prompt_tokens
from models.recollection import retold, told
from models.topic import topic

SESSIONS_REMEMBERED = 64
"""The least recently used is forgotten first."""

SMALLEST_MEMORY, LARGEST_MEMORY = 20, 400
"""Messages after which the service can be told to sum up."""

USUAL_MEMORY = 50
"""The page's example; what the service does when nothing is said, it does not tell."""

LONGEST_SUMMARY = 1_000
"""Tokens."""

TOPICS_KEPT = 5

KINDS = frozenset({"system", "user", "assistant", "output"})
"""What can be kept out of the memory."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Remembering:
    """How one request wants to be remembered."""

    session: str
    profile: str
    """The persona, instead of a system message."""
    entries: int
    skip: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model was given in one turn with long-term memory."""

    session: str
    profile: str
    summary: str | None
    entries: tuple[Message, ...]
    """The most recent messages as they were said, the new ones last."""
    summarised: tuple[Message, ...]
    """What was summed up meanwhile, for the turns to come."""

    def messages(self) -> tuple[Message, ...]:
        """The same as a prompt."""
        summary = (Message("system", self.summary),) if self.summary else ()
        return (Message("system", self.profile), *summary, *self.entries)


class Sessions(OrderedDict[tuple[str, str], Kept]):
    """Something about each of the last SESSIONS_REMEMBERED sessions."""

    def put(self, key: tuple[str, str], value: Kept) -> None:
        """Keep it as the most recently used."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > SESSIONS_REMEMBERED:
            self.popitem(last=False)


class Cache:
    """The last prompt of each session and model."""

    def __init__(self) -> None:
        self._prompts: Sessions[Sequence[Message]] = Sessions()

    def cached_tokens(self, session: str, model: str, messages: Sequence[Message]) -> int:
        """The tokens of this prompt that the last one of its session began with; this one is now the last."""
        before = self._prompts.get((session, model), ())
        self._prompts.put((session, model), messages)
        return shared_tokens(messages, before)


@dataclass(slots=True)
class _Remembered:
    """One session."""

    summary: str | None = None
    messages: list[Message] = field(default_factory=list)
    """The most recent ones, and all that were not summed up yet."""
    done: int = 0
    """How many of them were."""


class LongTermMemory:
    """What the service remembers of each session, beyond what it is sent."""

    def __init__(self) -> None:
        self._sessions: Sessions[_Remembered] = Sessions()

    def turn(self, how: Remembering, new: Sequence[Message], longest_input: int) -> Seen:
        """The new messages of a turn come in. What the model is given leaves out old messages until it is at most
        `longest_input` tokens."""
        key = (how.session, "")
        memory = self._sessions.get(key) or _Remembered()
        self._sessions.put(key, memory)
        old = memory.messages[max(0, len(memory.messages) + len(new) - how.entries) :]
        summary = memory.summary
        memory.messages += [message for message in new if message.role not in how.skip]
        summed_up: list[Message] = []
        while len(memory.messages) - memory.done >= how.entries:
            batch = memory.messages[memory.done : memory.done + how.entries]
            memory.done += how.entries
            memory.summary = summarised(memory.summary, batch)
            summed_up += batch
        forgotten = max(0, min(memory.done, len(memory.messages) - how.entries))
        del memory.messages[:forgotten]
        memory.done -= forgotten
        return _fitting(Seen(how.session, how.profile, summary, (), tuple(summed_up)), old, new, longest_input)

    def said(self, how: Remembering, text: str) -> None:
        """The model has answered the turn that came in last."""
        if "output" not in how.skip and text.strip():
            self._sessions[how.session, ""].messages.append(Message("assistant", text))


def remembering(payload: Mapping[str, Any], session: str, smallest: int) -> Remembering | None:
    """How a request wants to be remembered; None where it does not. Raises Refused."""
    options = _table(payload, "character_options")
    memory = _table(options, "memory")
    wanted = memory.get("enable_long_term_memory", False)
    if not isinstance(wanted, bool):
        raise _invalid("enable_long_term_memory should be a valid boolean")
    profile = options.get("profile", "")
    if not isinstance(profile, str):
        raise _invalid("Input should be a valid string: character_options.profile")
    entries = memory.get("memory_entries", max(USUAL_MEMORY, smallest))
    if not isinstance(entries, int) or isinstance(entries, bool) or not smallest <= entries <= LARGEST_MEMORY:
        raise _invalid(f"Range of memory_entries should be [{smallest}, {LARGEST_MEMORY}]")
    skip = memory.get("skip_save_types") or []
    if not isinstance(skip, list) or not all(isinstance(kind, str) and kind in KINDS for kind in skip):
        raise _invalid("skip_save_types should be a list out of system, user, assistant, output")
    if wanted and not session.strip():
        raise _invalid("The header x-dashscope-aca-session is required with long-term memory")
    return Remembering(session, profile, entries, frozenset(skip)) if wanted else None


def summarised(before: str | None, messages: Sequence[Message]) -> str:
    """A summary of the one `before` and of these messages: what people told of themselves, and the last topics."""
    said = [message.content for message in messages if message.role == "user"]
    facts = [retold(*fact) for fact in told([*(before or "").splitlines(), *said]).items()]
    topics = [about for text in said if (about := topic(text))]
    lines = ["; ".join(topics[-TOPICS_KEPT:]), *facts]
    while len(lines) > 1 and prompt_tokens([Message("system", "\n".join(lines))]) > LONGEST_SUMMARY:
        del lines[0]
    return "\n".join(lines)


def _fitting(seen: Seen, old: list[Message], new: Sequence[Message], longest_input: int) -> Seen:
    room = longest_input - prompt_tokens((*seen.messages(), *new))
    first = len(old)
    while first > 0 and (room := room - prompt_tokens(old[first - 1 : first]) + prompt_tokens([])) >= 0:
        first -= 1
    return Seen(seen.session, seen.profile, seen.summary, (*old[first:], *new), seen.summarised)


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = value.get(key)
    if table is not None and not isinstance(table, dict):
        raise _invalid(f"Input should be a valid dictionary: {key}")
    return table or {}


def _invalid(complaint: str) -> Refused:
    return Refused(f"<400> InternalError.Algo.InvalidParameter: {complaint}")

"""This file decides what a character answers in rehearsal, from the `[[rehearsal]]` of its file: pure, no network.

Every answer takes up what was said: it holds at least one telling word of it.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence

from companion.character import Character, Rehearsed
from companion.ports import Message
from models.topic import content_words, is_cjk, is_little, mentions, topic

ANYBODY = {
    "en": (
        "Oh, {topic}! Tell me more about that.",
        "(tilts head) {topic}? Now I am curious. And then?",
        "{topic}, you say? You always bring me something new to think about.",
        "Hmm, {topic}. (leans closer) What do you like most about it?",
        "*nods slowly* So, {topic}. And what happened then?",
    ),
    "zh": (
        "{topic}？再多告诉我一点吧！",
        "（歪着头）说到{topic}，我也很好奇，然后呢？",
        "原来是{topic}！你最喜欢它的什么？",
    ),
    "ja": (
        "{topic}？もっと聞かせて！",
        "{topic}のこと、わたしも気になっていたんだ。それから？",
        "（にっこり笑って）{topic}かあ、いいね！",
    ),
}
"""What somebody answers for whom nothing was rehearsed; now and then with a stage direction, as the real model does."""

WORDLESS = {
    "en": ("I could not make any words of that. Say it again?", "There were no words in that for me. Once more?"),
    "zh": ("我没听到字，再说一遍好吗？",),
    "ja": ("言葉が聞こえなかったよ。もう一度お願い。",),
}
"""The only answers that take nothing up, because there was nothing."""


def answer(
    characters: Sequence[Character], messages: Sequence[Message], *, seed: int, choice: int, parentheses: bool
) -> str:
    """The next words of whoever the system message describes. The same arguments give the same words.

    `choice` numbers the answers to one request, from 0; they differ as far as there are lines enough.
    Without `parentheses` no stage direction comes.
    """
    character = who(characters, messages)
    said = _said(messages, character.name if character else "")
    about = topic(said)
    tongue = language(said)
    chance = _chance(f"{len(messages)} {said}")
    if about:
        lines, keyword = _lines(character.rehearsal if character else (), said, about, tongue)
    else:
        lines, keyword = WORDLESS[tongue], ""
    line = _pick(lines, seed + choice, chance, before=_last(messages, "assistant"))
    text = _filled(line if parentheses else without_asides(line), about)
    telling = content_words(said)
    if not any(mentions(text, words) for words in [about, *telling]) and not (keyword and all(map(is_little, telling))):
        text = f"{_capital(about)}{'？' if is_cjk(about) else '? '}{text}"
    return text


def who(characters: Sequence[Character], messages: Sequence[Message]) -> Character | None:
    """Whose persona the system message is: exactly, or else by the name that comes first in it."""
    system = next((message.content for message in messages if message.role == "system"), "")
    for character in characters:
        if system == character.system_message():
            return character
    places = [(_place(character.name, system), index) for index, character in enumerate(characters)]
    found = [(place, index) for place, index in places if place is not None]
    return characters[min(found)[1]] if found else None


def _place(name: str, text: str) -> int | None:
    match = _named(name).search(text)
    return match.start() if match else None


def _named(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", re.IGNORECASE)


def _said(messages: Sequence[Message], name: str) -> str:
    """What is to be taken up: the user's last message, or the character's own when no user spoke; without the
    character's name where more is said than that."""
    said = _last(messages, "user") or _last(messages, "assistant")
    more = _named(name).sub(" ", said) if name else said
    return more if topic(more) else said


def _last(messages: Sequence[Message], role: str) -> str:
    return next((message.content for message in reversed(messages) if message.role == role), "")


def language(said: str) -> str:
    """The language to answer in: "en", "zh" or "ja"."""
    if not is_cjk(said):
        return "en"
    return "ja" if re.search("[\u3040-\u30ff]", said) else "zh"


def _chance(key: str) -> random.Random:
    """Chance that falls the same way for the same key, on every machine (`hash` would not)."""
    digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _lines(rehearsal: Sequence[Rehearsed], said: str, about: str, language: str) -> tuple[tuple[str, ...], str]:
    """The lines to choose from, and the keyword that asked for them ("" where nothing special was asked for)."""
    asked = [(len(phrase), phrase, entry) for entry in rehearsal for phrase in entry.hears if mentions(said, phrase)]
    if not asked:
        fallback = tuple(line for entry in rehearsal if not entry.hears for line in entry.says)
        return fallback or ANYBODY[language], ""
    _, keyword, entry = max(asked, key=lambda found: found[0])
    if mentions(keyword, about):
        # The topic tells nothing beyond the keyword: "a story about story" is the worse line where there is another.
        return tuple(line for line in entry.says if "{topic}" not in line) or entry.says, keyword
    return entry.says, keyword


def _pick(lines: Sequence[str], choice: int, chance: random.Random, before: str) -> str:
    """One of `lines`, not the one that was said just `before` if there is another."""
    fresh = [line for line in lines if not _repeats(line, before)] or list(lines)
    chance.shuffle(fresh)
    return fresh[choice % len(fresh)]


def _repeats(line: str, before: str) -> bool:
    return max((part.strip() for part in line.split("{topic}")), key=len) in before


def _filled(line: str, about: str) -> str:
    """`line` with its topic, which gets a capital where it begins a sentence."""
    return re.sub(
        r"(^|[.!?]\s+)?\{topic\}",
        lambda match: about if match[1] is None else match[1] + _capital(about),
        line,
    )


def without_asides(line: str, kinds: str = "(") -> str:
    """`line` without what stands in parentheses ("(" is among `kinds`), or between asterisks ("*")."""
    if "(" in kinds:
        line = re.sub(r"[(（][^)）]*[)）]?|[)）]", " ", line)
    if "*" in kinds:
        line = re.sub(r"\*+[^*]*\*+|\*+", " ", line)
    return " ".join(line.split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

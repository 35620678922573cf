"""This file finds what people tell of themselves, and when they ask for it, in English and Chinese. Pure.

Values are made of letters, digits, spaces, apostrophes and hyphens only: they can be spoken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from models.topic import clean, is_cjk

Facts = Mapping[str, str]
"""What somebody told of himself: "name", "like", "age", "home", or what was said to be his ("favourite colour")."""

_THING = r"((?:[a-z0-9'-]+ ){0,2}?[a-z0-9'-]+)"
_VALUE = r"([\w'-]+(?: (?!and (?:i|my|you)\b|but\b)[\w'-]+){0,7})"
_TOLD = (
    (re.compile(rf"\b(?:i am called|i'm called|call me|my name's) {_VALUE}", re.I), "name"),
    (re.compile(r"\bi(?: am|'m) (\w+) years? old\b", re.I), "age"),
    (re.compile(r"\bi(?: am|'m) (\d{1,3})\b", re.I), "age"),
    (re.compile(rf"\bi live in {_VALUE}", re.I), "home"),
    (re.compile(rf"(?<!do )\bi (?:really )?(?:like|love) {_VALUE}", re.I), "like"),
    (re.compile(rf"\b(?:my|user's) {_THING} (?:is|are)(?: called| named)? {_VALUE}", re.I), ""),
    (re.compile(r"我(?:叫|的名字叫)([\w·]{1,20})"), "name"),
    (re.compile(r"我(?:今年)?(\w{1,3}?)岁"), "age"),
    (re.compile(r"我住在?([\w·]{1,20})"), "home"),
    (re.compile(r"我最?喜欢(?!的)([\w·]{1,20})"), "like"),
    (re.compile(r"我(?:的|(?=最喜欢的))([\w·]{1,12}?)[是叫]([\w·]{1,20})"), ""),
)
"""How something is told, and what it is; "" where the words themselves say what."""

_ASKED = (
    (re.compile(r"\bwho am i\b|\bwhat am i called\b|我叫什么|我是谁", re.I), "name"),
    (re.compile(r"\bwhat do i (?:like|love)\b|我最?喜欢[^的\s]?什么", re.I), "like"),
    (re.compile(r"\bhow old am i\b|我(?:今年)?(?:几岁|多大)", re.I), "age"),
    (re.compile(r"\bwhere do i live\b|我住在?哪", re.I), "home"),
    (
        re.compile(
            rf"\b(?:what(?: is|'s|s| was| are)|tell me|remember|know)(?: what)? my {_THING}(?: is)?\s*(?:\?|\.|$)", re.I
        ),
        "",
    ),
    (re.compile(r"我(?:的|(?=最喜欢的))([\w·]{1,12}?)(?:[是叫]|吗|$|\W)"), ""),
)
"""How something is asked for."""

_QUESTION_WORD = re.compile(r"(?:what|who|where|when|why|how|which|not)\b|.*(?:什么|谁|哪|几|吗|多少|呢$)", re.I)

_SAID = {
    "en": {"name": "{you} name is {}", "like": "{I} like {}", "age": "{I} {am} {} years old", "home": "{I} live in {}"},
    "zh": {"name": "{I}叫{}", "like": "{I}喜欢{}", "age": "{I}{}岁", "home": "{I}住在{}"},
}


def told(texts: Iterable[str]) -> dict[str, str]:
    """What these say of whoever said them; what was told last comes last, and counts."""
    facts: dict[str, str] = {}
    for text in texts:
        found = []
        for pattern, thing in _TOLD:
            for match in pattern.finditer(clean(text)):
                key, value = thing or _thing(match[1]), match[match.lastindex or 1].strip()
                if not _QUESTION_WORD.match(value):
                    found.append((match.start(), key, value))
        for _, key, value in sorted(found):
            facts.pop(key, None)
            facts[key] = value
    return facts


def wanted(asked: str) -> list[str]:
    """The things about himself that somebody asks for, likeliest first."""
    text = clean(asked)
    return [thing or _thing(match[1]) for pattern, thing in _ASKED for match in pattern.finditer(text)]


def recalled(asked: str, things: Iterable[str], facts: Facts) -> str:
    """The sentence, without its end, about the first of `things` that is known; "" where none is. It is in the
    language that was `asked` in."""
    language = "zh" if is_cjk(asked) else "en"
    return next((_sentence(key, facts[key], language, mine=False) for key in things if key in facts), "")


def retold(key: str, value: str) -> str:
    """A fact in the first person, as `told` finds it again."""
    return _sentence(key, value, "zh" if is_cjk(key if value.isascii() else value) else "en", mine=True)


def _sentence(key: str, value: str, language: str, *, mine: bool) -> str:
    if language == "zh":
        form = _SAID["zh"].get(key, "{I}" + ("" if key.startswith("最") else "的") + key + "是{}")
        return form.replace("{I}", "我" if mine else "你").replace("{}", value)
    form = _SAID["en"].get(key, "{you} " + key + " is {}")
    words = {"{you}": "my" if mine else "your", "{I}": "I" if mine else "you", "{am}": "am" if mine else "are"}
    for place, word in words.items():
        form = form.replace(place, word)
    return form.replace("{}", value)


def _thing(words: str) -> str:
    """One word for what can be spelled or said in two ways."""
    thing = " ".join(words.lower().replace("favorite", "favourite").replace("color", "colour").split())
    return {"名字": "name"}.get(thing, thing)

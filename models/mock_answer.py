"""This file decides what the model would answer to a request: who speaks, to what, and from where it goes on. Pure.

The lines themselves come from `rehearsal`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from companion.character import Character
from companion.ports import Message
from models.mock_request import Question
from models.recollection import recalled, told, wanted
from models.rehearsal import answer, language, without_asides
from models.speakers import named, nameless
from models.topic import is_cjk, topic

REMEMBERED = {
    "en": ("{fact}. I remember that.", "{fact}, of course!", "I know: {fact}!", "You told me. {fact}."),
    "zh": ("{fact}，我记得呢！", "当然记得，{fact}。", "我知道，{fact}！", "你告诉过我，{fact}。"),
}
"""How somebody tells what he was told."""

TAILS = {
    "en": ("What do you think?", "Shall we go on?", "Tell me!"),
    "zh": ("你觉得呢？", "我们继续吗？", "告诉我吧！"),
    "ja": ("どう思う？", "続けようか？", "教えて！"),
}
"""Said after an answer that came already: several answers to one request differ."""

LONGEST_LOOK = 8
"""Answers among which the one that was begun is looked for."""

_ENDED = re.compile(r"[.!?。！？…~][\"'”’」』)）*]*$")

_BEGUN = (
    (r"once upon$", "a time there was a story about {topic}, and nobody knew its end."),
    (r"once upon a$", "time there was a story about {topic}, and nobody knew its end."),
    (r"\b(a|the|my|your|this|that|his|her|its|another)$", "story about {topic}, and what came of it."),
    (r"\b(about|of|with|for|to|like|and|or|but)$", "{topic}, and what came of it."),
    (r"[,;:—-]$", "and then came {topic}."),
    (r"", ", and then came {topic}."),
)
"""How an English sentence can go on, by its last words."""


def answers(characters: Sequence[Character], asked: Question, messages: Sequence[Message]) -> list[str]:
    """The words of each choice. `messages` is all that the model is given, a partial one last where there is one."""
    known = [character.name for character in characters]
    speaker, begun = "", ""
    if asked.partial:
        speaker, begun = named(messages[-1].content, known)
        messages = messages[:-1]
    if speaker:
        characters, messages = _as(speaker, characters, messages)
    messages = nameless(messages, known)
    if messages and messages[-1].role == "assistant":  # nobody answered: it goes on from its own words
        messages = [*messages, Message("user", messages[-1].content)]
    texts: list[str] = []
    for index in range(asked.n):
        texts.append(_different(_text(characters, asked, messages, begun, index), texts))
    return texts


def _as(
    speaker: str, characters: Sequence[Character], messages: Sequence[Message]
) -> tuple[Sequence[Character], Sequence[Message]]:
    """Nobody but `speaker`, who is as he is in the character's file where there is one."""
    me = [character for character in characters if character.name.lower() == speaker.lower()]
    if not me:
        return (), messages
    others = messages[1:] if messages and messages[0].role == "system" else messages
    return me, [Message("system", me[0].system_message()), *others]


def _text(characters: Sequence[Character], asked: Question, messages: Sequence[Message], begun: str, index: int) -> str:
    said = next((message.content for message in reversed(messages) if message.role == "user"), "")
    if fact := _fact(said, messages[:-1]):
        lines = REMEMBERED["zh" if is_cjk(fact) else "en"]
        line = lines[(asked.seed + index) % len(lines)]
        text = line.replace("{fact}", fact[0].upper() + fact[1:] if not line.startswith("I know") else fact)
    else:
        text = _line(characters, asked, messages, index)
    return _rest(begun, [text, *_candidates(characters, asked, messages)], said) if begun.strip() else text


def _fact(said: str, before: Sequence[Message]) -> str:
    """What was told before and is asked for now; neither the persona nor what the character says tells it."""
    things = wanted(said)
    if not things:
        return ""
    others = before[1:] if before and before[0].role == "system" else before
    return recalled(said, things, told(message.content for message in others if message.role != "assistant"))


def _line(characters: Sequence[Character], asked: Question, messages: Sequence[Message], index: int) -> str:
    line = answer(characters, messages, seed=asked.seed, choice=index, parentheses=asked.parentheses)
    return line if asked.asterisks else without_asides(line, "*")


def _candidates(characters: Sequence[Character], asked: Question, messages: Sequence[Message]) -> list[str]:
    """What else might have been begun: other choices, and each without the directions that nobody speaks."""
    lines = [_line(characters, asked, messages, index) for index in range(LONGEST_LOOK)]
    return [*lines, *(without_asides(line, "(*") for line in lines)]


def _rest(begun: str, texts: Sequence[str], said: str) -> str:
    """What follows on `begun`: the rest of the text that begins so, else something that fits."""
    stem = begun.rstrip()
    gap = "" if begun != stem or is_cjk(stem[-1]) else " "
    for text in texts:
        if text.startswith(stem) and len(text) > len(stem):
            rest = text[len(stem) :]
            return rest if begun == stem else rest.lstrip()
    if _ENDED.search(stem):
        return gap + texts[0]
    about = topic(said) or topic(stem) or "it"
    if is_cjk(stem):
        japanese = language(stem) == "ja"
        comma = "" if stem[-1] in "，、：" else "、" if japanese else "，"
        return f"{comma}それから{about}のこと。" if japanese else f"{comma}然后说到了{about}。"
    line = next(line for pattern, line in _BEGUN if re.search(pattern, stem, re.IGNORECASE))
    return ("" if line.startswith(",") else gap) + line.replace("{topic}", about)


def _different(text: str, before: Sequence[str]) -> str:
    """`text`, with something after it as long as it is one of those `before`."""
    space = "" if is_cjk(text) else " "
    longer = (f"{text}{space}{tail}" for tail in TAILS[language(text)])
    return text if text not in before else next(one for one in longer if one not in before)

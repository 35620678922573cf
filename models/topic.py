"""This file finds what a sentence is about, well enough for a rehearsal: a word or three of it, safe to be spoken.

What comes out is made of letters, digits, apostrophes, hyphens and spaces only, so nothing that a user types
(parentheses, asterisks, markup, control characters) can come back through it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_INPUT = 2_000
"""Characters of a message that are looked at, from its end."""

LONGEST_TOPIC = 40
"""Characters."""

LONGEST_QUOTE = 60
"""Characters of a message that consists of little words only."""

CJK = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana and Han, as the inside of a character class."""

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_MARKUP = re.compile(r"<[^<>]{0,200}>")
_SHORTENED = re.compile(r".'(t|m|re|ll|ve|d)$")  # don't, I'm, we'd: never what a sentence is about

_LITTLE_WORDS = """
    a about above actually after again ago all almost alone along already also although always am an and another any
    anybody anyone anything are around as at away back be because been before being below best better between both but
    by bye came can cannot come comes could did didnt do does doesnt doing done dont down during each eh either else
    enough er even ever every everybody everyone everything few first for from gave get gets getting give go goes going
    gone gonna good goodbye got great had has have having he hello hence her here hers hey hi him his how however i if
    im in into is isnt it its ive just keep kind know knows last lately least less let lets like liked likes little
    look lot lots made make makes many may maybe me mean might mine more most much must my myself need needs
    never new next nice no nobody none nor not nothing now of off oh ok okay on once one only or other our ours out over
    own perhaps please possible probably put quite rather real really recently right said same saw say says see seem
    seems seen shall she should show since so some somebody someone something somewhere soon sort still stuff such sure
    take taken tell than thank thanks that thats the their them then there these they thing things think this those
    though thought through till to today together told tomorrow tonight too took toward try trying uh um under until
    up us use used usually very want wanted wants was way we well went were what whatever whats when where whether which
    while who whole whom whose why will with without wont would yeah yes yesterday yet you your yours yourself called
    believe feel feels felt found happened heard hear hope guess please remember wonder wondering eat
    eats inside live lives outside play plays sleep sleeps
"""
LITTLE_WORDS = frozenset(_LITTLE_WORDS.split())
"""English words that tell nothing by themselves: question words, auxiliaries, pronouns, greetings, common verbs."""

_BEFORE_NOUNS = """
    a about an any around at by each every for from her his in into its many more my no of on our over some such that
    the their these this those through to under with without your
"""
BEFORE_NOUNS = frozenset(_BEFORE_NOUNS.split())
"""English words after which the name of a thing is likely."""

LITTLE_CJK = (
    "的了吗嗎呢吧啊呀哦哈嘛我你您他她它们們是在有和与與跟也都很太不没沒就要会會能可以想去来來说說讲講给給把被让讓过過对對"
    "这這那个個些么麼什怎为為哪谁誰几幾多少请請问問吃喝看听聽爱愛喜欢歡知道觉覺得叫做好啥还還再又只从從到于於"
)
"""Han characters that tell little by themselves."""

_HAN_RUN = re.compile(f"[^{LITTLE_CJK}\u3040-\u309f\\W\\d_a-zA-Z]+")
_CJK_CHARACTER = re.compile(f"[{CJK}]")


def topic(text: str) -> str:
    """What `text` is about: at most LONGEST_TOPIC characters of it, or, when it has little words only, its
    beginning up to LONGEST_QUOTE characters; "" when there is nothing to be spoken in it."""
    text = clean(text)
    if is_cjk(text):
        runs = [match[0] for match in _HAN_RUN.finditer(text) if _CJK_CHARACTER.match(match[0])]
        long = [run for run in runs if len(run) > 1]
        return (long or runs or [_quote(text)])[-1][:LONGEST_TOPIC]
    runs_of_words = list(_runs(text))
    if not runs_of_words:
        return _quote(text)
    after_nouns = [run for likely, run in runs_of_words if likely]
    return _shortened(after_nouns[-1] if after_nouns else runs_of_words[-1][1])


def content_words(text: str) -> list[str]:
    """The words of `text` that tell something; in Chinese or Japanese what `topic` finds; every word, when it has
    little words only."""
    text = clean(text)
    if is_cjk(text):
        return [topic(text)]
    words = _WORD.findall(text)
    return [word for word in words if not is_little(word)] or words


def mentions(text: str, phrase: str) -> bool:
    """Whether `phrase` occurs in `text` as whole words, whatever the case, singular or plural; in Chinese or
    Japanese, which have no spaces, as it stands."""
    if is_cjk(phrase):
        return clean(phrase) in clean(text)
    words, wanted = ([_forms(word) for word in _WORD.findall(clean(part))] for part in (text, phrase))
    starts = range(len(words) - len(wanted) + 1) if wanted else range(0)
    return any(all(a & b for a, b in zip(words[start:], wanted, strict=False)) for start in starts)


def clean(text: str) -> str:
    """`text` without markup, compatibility forms (⑴, full-width letters) made plain, its end if it is very long."""
    plain = unicodedata.normalize("NFKC", text[-LONGEST_INPUT:])
    return _MARKUP.sub(" ", plain).replace("’", "'")


def is_cjk(text: str) -> bool:
    """Whether at least half of its letters are Han or kana."""
    letters = sum(map(str.isalpha, text))
    return letters > 0 and 2 * len(_CJK_CHARACTER.findall(text)) >= letters


def is_little(word: str) -> bool:
    """Whether an English word tells nothing by itself."""
    word = word.lower()
    letter = len(word) == 1 and word.isalpha()
    return letter or word.removesuffix("'s") in LITTLE_WORDS or _SHORTENED.search(word) is not None


def _runs(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The runs of telling words in `text`, unbroken by little words or punctuation; and whether each is likely to
    name a thing."""
    run: list[str] = []
    likely, before, end = False, "", 0
    for match in _WORD.finditer(text):
        word, little = match[0], is_little(match[0])
        if run and (little or not text[end : match.start()].isspace()):
            yield likely, run
            run = []
        if not little:
            likely = likely if run else before in BEFORE_NOUNS
            run.append(word)
        before, end = word.lower(), match.end()
    if run:
        yield likely, run


def _shortened(run: list[str]) -> str:
    """At most three words of a run, without the verb that ends it ("train crashed")."""
    while len(run) > 1 and re.search(r"..(ed|ing)$", run[-1].lower()):
        run = run[:-1]
    run = run[-3:]
    while len(run) > 1 and len(" ".join(run)) > LONGEST_TOPIC:
        run = run[1:]
    return " ".join(run)[:LONGEST_TOPIC].rstrip("'-")


def _quote(text: str) -> str:
    quote = " ".join(_WORD.findall(text))
    if len(quote) <= LONGEST_QUOTE:
        return quote
    return (quote[:LONGEST_QUOTE].rpartition(" ")[0] or quote[:LONGEST_QUOTE]).rstrip("'-")


def _forms(word: str) -> set[str]:
    """A word and what it may be the plural of; stems of less than three letters are no words worth finding."""
    word = word.lower()
    stems = {word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)}
    return {word} | {stem for stem in stems if len(stem) > 2 and not word.endswith("ss")}

"""This file knows whom somebody speaks to: the toy, called by a name that speech-to-text spells its own way, or mum.

The rule for a name: the utterance begins with it, perhaps after a greeting or two. Of the spellings tried, the one
most alike is taken: alike are the letters as they stand, and the letters as they sound, half and half, each as
difflib's ratio. After a call ("hey") `CALLED` will do; with none it takes `BARE`, the same first sound, and as many
words as the name has, unless every letter is right. A word for somebody of the family, or one of the commonest, is
never a name misheard: neither "hey Daddy" nor "hey, today" calls Teddy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher

from companion.vocatives import ADDRESSED, CALLS, FAMILY, LEAD_INS, NO_NAMES, OTHER_MACHINES, TITLES
from companion.words import WIDE, key, language_of

CALLED = 0.55
"""How much alike, 0 to 1, after a call. Of pocketsphinx reading three synthetic voices, "Pep" for Pip has 0.83, "auto"
for Otto 0.75, "buddy" and "Donny" for Bunny 0.68; of spellings we know, "money" for Bunny 0.57 is the farthest.
"Mummy" has 0.45, "can" 0.41, "mommy" 0.35, "there" 0.12."""

BARE = 0.75
"""How much alike, 0 to 1, without a call, where most utterances begin with something else: "Bonnie" for Bunny 0.77."""

GREETING_WORDS = 3
"""At most so many words are taken as greeting: "oh, hey, hello Pip"."""

_WORD = re.compile(rf"[{WIDE}]|[^\W_{WIDE}]+(?:['’][^\W_{WIDE}]+)*")
"""A word, or one character of a script without spaces."""

_BREAK = ",.!?;:…—–，。！？、；：\n"
_EDGES = _BREAK + " -\t\u3000"

_SOUNDS = (
    (re.compile(r"(?:ie|ey|ee|y|i)$"), "I"),  # a last "ee" is heard clearly; other vowels are not
    (re.compile(r"ph"), "f"),
    (re.compile(r"ck|[cq]"), "k"),
    (re.compile(r"z"), "s"),
    (re.compile(r"(?<=.)h"), ""),
    (re.compile(r"[aeiouy]+"), "a"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile("ー"), ""),
)
"""How letters are heard, in this order."""

_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def without_name(heard: str, names: Collection[str]) -> str | None:
    """What follows one of `names` at the beginning of `heard`, "" for the name alone; None if it does not begin so."""
    words = list(_WORD.finditer(heard))
    _, taken = max((_begins(words, name) for name in names), default=(0.0, 0))
    return _after(heard, words[taken - 1].end()) if taken else None


def without_call(phrase: str) -> str:
    """The name in a phrase that calls by it: "hey bunny" calls Bunny. A phrase that is all call is a name."""
    words = list(_WORD.finditer(phrase))
    return _after(phrase, words[count - 1].end()) if 0 < (count := _greeting(words)) < len(words) else phrase


def before_name(heard: str, names: Collection[str]) -> str | None:
    """What precedes one of `names` at the end of `heard`; None if it does not end so."""
    words = list(_WORD.finditer(heard))
    for name in names:
        for count in {len(_parts(name)), *(len(_parts(name + title)) for title in TITLES)}:
            if count <= len(words) and _is_bare([word[0] for word in words[-count:]], name):
                return heard[: words[-count].start()].rstrip(_EDGES)
    return None


def names_toy(heard: str, names: Collection[str]) -> bool:
    """Whether one of `names` is in it, anywhere, spelled nearly so."""
    words = [word[0] for word in _WORD.finditer(heard)]
    return without_name(heard, names) is not None or any(
        _is_bare(words[begin : begin + len(_parts(name))], name) for name in names for begin in range(len(words))
    )


def speaks_to_somebody_else(heard: str, language: str, names: Collection[str]) -> bool:
    """Whether this is for somebody else in the room, in `language` (a BCP 47 tag): it begins or ends by addressing a
    person of the family (or another machine), and does not name the toy.

    Careful by intention, because a child who is not answered is worse off than one who is answered twice. At the
    beginning the word counts alone, before punctuation, or before what one says to somebody ("mama look"); at the end
    only after a comma that is the only one: "I have a mama, a papa, a dog" is told to the toy.
    """
    people = {key(word) for word in (*FAMILY.get(language_of(language), ()), *OTHER_MACHINES)}
    verbs = tuple(key(phrase) for phrase in ADDRESSED.get(language_of(language), ()))
    if not heard.strip() or names_toy(heard, names):
        return False
    return _begins_with(heard, people, verbs) or _ends_with(heard, people)


def _begins_with(heard: str, people: Collection[str], verbs: Sequence[str]) -> bool:
    words = list(_WORD.finditer(heard))
    skipped = _greeting(words)
    for begin in {0, skipped}:
        for end in range(min(len(words), begin + 6), begin, -1):
            if key(heard[words[begin].start() : words[end - 1].end()]) not in people:
                continue
            rest = heard[words[end - 1].end() :].lstrip(" \t")
            said = f"{key(rest)} "
            if not rest.strip(_EDGES) or rest[0] in _BREAK or set(key(rest).split()) <= set(people):
                return True
            return any(said.startswith(verb if re.match(f"[{WIDE}]", verb) else f"{verb} ") for verb in verbs)
    return False


def _ends_with(heard: str, people: Collection[str]) -> bool:
    sentence = re.split(r"[.!?…。！？]", heard.rstrip(_EDGES + "\"'”’»」』"))[-1]
    clauses = re.split("[,，、]", sentence)
    return len(clauses) == 2 and key(clauses[1]) in people and key(clauses[0]) not in people


def _begins(words: Sequence[re.Match[str]], name: str) -> tuple[float, int]:
    """How much the beginning is like `name`, and how many words that takes; nothing alike takes none."""
    count = len(_parts(name))
    best = (0.0, 0)
    for begin in range(_greeting(words) + 1):
        called = _is_called(words, begin)
        for end in range(begin + max(1, count - 1), min(len(words), begin + count + 1) + 1):
            said = [word[0] for word in words[begin:end]]
            alike = likeness("".join(said), name)
            if _is_bare(said, name) or (called and alike >= CALLED and not _is_no_name(said, name)):
                best = max(best, (alike, end), key=lambda found: found[0])
    alike, end = best
    if end:
        follows = "".join(word[0] for word in words[end : end + 3])
        end += max((len(title) for title in TITLES if follows.startswith(title)), default=0)
    return alike, end


def _greeting(words: Sequence[re.Match[str]]) -> int:
    """How many of the first words are greetings."""
    count = 0
    for _ in range(GREETING_WORDS):
        for size in (4, 3, 2, 1):  # in characters, where there are no spaces
            said = [word[0] for word in words[count : count + size]]
            if len(said) == size and key("".join(said)) in _GREETINGS:
                count += size
                break
    return count


def _is_called(words: Sequence[re.Match[str]], begin: int) -> bool:
    """Whether a call ends just before the word at `begin`."""
    return any(key("".join(word[0] for word in words[max(0, begin - size) : begin])) in _CALLS for size in (1, 2, 3, 4))


def _is_bare(said: Sequence[str], name: str) -> bool:
    joined = "".join(said)
    for title in TITLES:
        if joined.endswith(title) and not name.endswith(title):
            said = said[: -len(title)]
            joined = joined.removesuffix(title)
    if not said or _is_no_name(said, name):
        return False
    if len(said) != len(_parts(name)):
        return _letters(joined) == _letters(name)
    return likeness(joined, name) >= BARE and _sound(joined)[:1] == _sound(name)[:1]


def _is_no_name(said: Sequence[str], name: str) -> bool:
    """Whether this is another word than the name ("hey there" is, alone or with what follows), or about it."""
    word = key("".join(said))
    if said[-1].endswith(("'s", "’s")) and not name.endswith(("'s", "’s")):
        return True
    return (word in _NO_NAMES or key(said[0]) in _NO_NAMES) and word != key("".join(_parts(name)))


def likeness(said: str, name: str) -> float:
    """How much two spellings are alike, 0 to 1: as they are written, and as they sound, half and half."""
    as_written = _ratio(_letters(said), _letters(name))
    return (as_written + _ratio(_sound(said), _sound(name))) / 2


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() if one and other else 0.0


def _letters(word: str) -> str:
    return key(word).replace(" ", "").translate(_HIRAGANA)


def _sound(word: str) -> str:
    heard = _letters(word)
    for spelling, sound in _SOUNDS:
        heard = spelling.sub(sound, heard)
    return heard


def _parts(name: str) -> list[str]:
    return _WORD.findall(name)


def _after(heard: str, place: int) -> str:
    return heard[place:].lstrip(_EDGES).rstrip()


_CALLS = frozenset(key(call) for call in CALLS)
_GREETINGS = _CALLS | {key(word) for word in LEAD_INS}
_NO_NAMES = frozenset(key(word) for words in (*FAMILY.values(), NO_NAMES) for word in words)

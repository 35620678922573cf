"""Streamed text becomes phrases and gestures."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import tracemalloc
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import Cause, NoReply
from companion.phrases import FIRST_CLAUSE, LONGEST_DIRECTION, LONGEST_PHRASE, Gesture, Phrase, Phrases, phrases
from companion.ports import Usage

CORPUS = [
    "Hello! (waves at you) How are you today? I found a puddle.",
    "(Resting chin on one hand, leaning closer (very close) to you) Well, what book are you reading? *smiles* Tell me.",
    "Oh? *pokes you softly (with a button)* **Never** mind: 2 * 3 is six, 3.14 is pi... [nods] Mr. Fox said e.g. this.",
    "嗯，（歪着头）我在想一个问题：月亮有多远？【笑】很远很远！*挥手*再见。",
    "（にっこり）こんにちは！今日は公園へ行ったよ。（手を振る(小さく)）また明日ね。",
    "He said “Stop!” (shouts) and ran.\nThen: nothing :) The end 🎉 — really?! Yes.",
    "A line that goes on (and a direction that is never closed. And on it goes, on and on",
    "*a action never closed. Then words. (and a bracket) and more words",
    "(" + "a very long direction, " * 15 + "ends here. Then it speaks (softly) again.",
    "Half (a direction（mixed) brackets） and [some 【nested】 ones] \ud800 and \x1b[2J controls] here. "
    + "word " * 80,
]


def cut(*pieces: str) -> list[Phrase | Gesture]:
    """The items of a reply that arrives in these pieces."""
    cutter = Phrases()
    return [*(item for piece in pieces for item in cutter.feed(piece)), *cutter.finish()]


def spoken(*pieces: str) -> list[str]:
    return [item.text for item in cut(*pieces) if isinstance(item, Phrase)]


def gestures(*pieces: str) -> list[str]:
    return [item.text for item in cut(*pieces) if isinstance(item, Gesture)]


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def chunked(text: str, cuts: Sequence[int]) -> list[str]:
    """`text` in pieces, cut at these places; some may be empty."""
    places = [0, *sorted(place % (len(text) + 1) for place in cuts), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(places)]


@given(st.sampled_from(CORPUS), st.lists(st.integers(0, 10_000), max_size=40))
@settings(deadline=None)
def test_how_a_reply_arrives_changes_nothing(reply: str, cuts: list[int]) -> None:
    assert cut(*chunked(reply, cuts)) == cut(reply)


@given(
    st.text("ab .,!?…。！？，()（）[]【】*\n\"”' 3\ud800😀é你", max_size=600),
    st.lists(st.integers(0, 600), max_size=20),
)
@settings(deadline=None)
def test_any_text_is_cut_the_same_however_it_arrives_and_into_phrases_fit_to_be_spoken(
    text: str, cuts: list[int]
) -> None:
    items = cut(*chunked(text, cuts))
    assert items == cut(text)
    for item in items:
        if isinstance(item, Phrase):
            assert letters(item.text), "a phrase is never empty"
            assert len(item.text) <= LONGEST_PHRASE
            assert item.text == item.text.strip()
            assert not set(item.text) & set("()（）[]【】*\n\ud800😀")
        else:
            assert 0 < len(item.text) <= LONGEST_DIRECTION
            item.text.encode()


INSIDE = st.text("QXZqxz曲笑 ,.!。！", max_size=20).map(lambda text: text + "Q")
BRACKETED = st.recursive(
    INSIDE,
    lambda inner: st.builds(
        lambda before, pair, inside, after: before + pair[0] + inside + pair[1] + after,
        INSIDE,
        st.sampled_from(["()", "（）", "[]", "【】", "()"]),
        inner,
        INSIDE,
    ),
    max_leaves=3,
)
DIRECTION = st.one_of(
    BRACKETED.flatmap(lambda inside: st.sampled_from([f"({inside})", f"（{inside}）", f"[{inside}]", f"【{inside}】"])),
    BRACKETED.map(lambda inside: f"*{inside.strip()}*"),  # before a space it would be a product or a list
).filter(lambda direction: len(direction) < LONGEST_DIRECTION)
WORDS = st.text("abcde 0123 é 你好 あ ,.!?。！？，、…:;\n", max_size=80)


@given(st.lists(st.tuples(WORDS, DIRECTION), max_size=6), WORDS, st.lists(st.integers(0, 1000), max_size=8))
@settings(deadline=None)
def test_no_word_of_a_direction_is_ever_spoken_and_every_other_word_is_in_order(
    parts: list[tuple[str, str]], last: str, cuts: list[int]
) -> None:
    reply = " ".join(words + " " + direction for words, direction in parts) + " " + last
    pieces = chunked(reply, cuts)
    assert letters("".join(spoken(*pieces))) == letters("".join(words for words, _ in parts) + last)
    assert [letters(text) for text in gestures(*pieces)] == [letters(direction) for _, direction in parts]


EXAMPLES: dict[str, list[str]] = {
    "2 * 3 is six": ["2 3 is six"],
    "That is **very** bold.": ["That is very bold."],
    "That is ***very*** bold.": ["That is very bold."],
    "*waves **hard** now* Hi.": ["Hi."],
    "* one\n* two": ["one", "two"],
    "# Title\n`code`": ["Title", "code"],
    ":) I am glad.": [": I am glad."],
    "Pi is 3.14 or so. Yes.": ["Pi is 3.14 or so.", "Yes."],
    "Mr. Fox met Dr. Owl. They ate.": ["Mr. Fox met Dr. Owl.", "They ate."],
    "Small things, e.g. buttons. Yes.": ["Small things,", "e.g. buttons.", "Yes."],
    "J. R. Fox is here. Hi.": ["J. R. Fox is here.", "Hi."],
    "What?! No way.": ["What?!", "No way."],
    "Wait... what? Oh…": ["Wait...", "what?", "Oh…"],
    '"Stop." He ran.': ['"Stop."', "He ran."],
    "He said “Go!” Then left.": ["He said “Go!”", "Then left."],
    "one line\nanother line": ["one line", "another line"],
    "one line\r\n\r\nanother line": ["one line", "another line"],
    "Hello 🦊 fox ❤️ you 👨‍👩‍👧!": ["Hello fox you!"],
    "It is 20 °C outside.": ["It is 20 °C outside."],
    "a\x00b\x1bc\x7fd": ["abcd"],
    "a\ud800b\udfffc": ["abc"],
    "你好！你吃了吗？我吃了。": ["你好！", "你吃了吗？", "我吃了。"],
    "“你好。”他说。": ["“你好。”", "他说。"],
    "どうした？！ほんと？": ["どうした？！", "ほんと？"],
    "你好 ， 世界 。": ["你好 ， 世界 。"],
    "Hello (waves) !": ["Hello!"],
    "  spaces \t everywhere  ": ["spaces everywhere"],
    "": [],
    "... ?! —": [],
    "🎉": [],
}


@pytest.mark.parametrize("reply", EXAMPLES)
def test_a_reply_is_cut_where_a_person_would_breathe(reply: str) -> None:
    assert spoken(reply) == EXAMPLES[reply]
    assert spoken(*reply) == EXAMPLES[reply]


def test_the_first_phrase_ends_at_a_comma_and_the_later_ones_do_not() -> None:
    reply = "Well, hello there my friend, how are you? And again, a long sentence, with commas, here."
    assert spoken(reply) == [
        "Well, hello there my friend,",
        "how are you?",
        "And again, a long sentence, with commas, here.",
    ]
    assert len("Well,") <= FIRST_CLAUSE, "too short to be worth a breath"
    assert spoken("嗯，我想一想这个，然后，再说。好，的，是，吗，对，吧。") == [
        "嗯，我想一想这个，",
        "然后，再说。",
        "好，的，是，吗，对，吧。",
    ]


def test_a_phrase_comes_as_soon_as_it_is_complete() -> None:
    cutter = Phrases()
    assert cutter.feed("Hello.") == [], "it may go on: 3.14"
    assert cutter.feed(" ") == [Phrase("Hello.")]
    assert cutter.feed("你好。") == [], "a closing quote may follow"
    assert cutter.feed("我") == [Phrase("你好。")]
    assert cutter.finish() == [Phrase("我")]


@pytest.mark.parametrize(
    ("arrived", "spoken_already"),
    [
        ("The moon only looks so big,", ["The moon only looks so big,"]),
        ("The moon only looks so big;”", ["The moon only looks so big;"]),
        ("There are more than 1,", []),
        ("Look at www.moon.example/so,", []),
        ("So big,", []),
    ],
)
def test_a_first_clause_does_not_wait_for_what_follows_its_comma(arrived: str, spoken_already: list[str]) -> None:
    assert [item.text for item in Phrases().feed(arrived) if isinstance(item, Phrase)] == spoken_already


def test_a_phrase_without_end_is_cut_at_a_space() -> None:
    found = spoken("word " * 200)
    assert [len(phrase) <= LONGEST_PHRASE for phrase in found] == [True] * len(found)
    assert " ".join(found).split() == ["word"] * 200
    assert max(map(len, found)) > LONGEST_PHRASE - 10


def test_a_word_without_end_is_cut_where_it_must_be() -> None:
    found = spoken("a" * 1000)
    assert "".join(found) == "a" * 1000
    assert max(map(len, found)) == LONGEST_PHRASE


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        ("Hello. (waves) Bye.", [Phrase("Hello."), Gesture("waves"), Phrase("Bye.")]),
        ("Hello.(waves) Bye.", [Phrase("Hello."), Gesture("waves"), Phrase("Bye.")]),
        ("你好。（挥手）再见。", [Phrase("你好。"), Gesture("挥手"), Phrase("再见。")]),
        ("I (nods) agree.", [Gesture("nods"), Phrase("I agree.")]),
        ("Mr.(nods) Fox.", [Gesture("nods"), Phrase("Mr. Fox.")]),
        ("(a [b) c] d) Hi", [Gesture("a [b) c] d"), Phrase("Hi")]),
        ("(a (b (c)) d) Hi", [Gesture("a (b (c)) d"), Phrase("Hi")]),
        ("*smiles (softly)* Hi", [Gesture("smiles (softly)"), Phrase("Hi")]),
        ("（mixed) Hi", [Gesture("mixed"), Phrase("Hi")]),
        ("(  a \n b  ) Hi", [Gesture("a b"), Phrase("Hi")]),
        ("() ** [] Hi", [Phrase("Hi")]),
        ("(\x1b]0;x\x07\ud800y) Hi", [Gesture("]0;xy"), Phrase("Hi")]),
    ],
)
def test_a_gesture_comes_before_the_phrase_it_is_in_and_after_the_one_it_follows(
    reply: str, items: list[Phrase | Gesture]
) -> None:
    assert cut(reply) == items
    assert cut(*reply) == items


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        ("Hi. (waves", [Phrase("Hi."), Gesture("waves")]),
        ("(waves. Hello there", [Gesture("waves."), Phrase("Hello there")]),
        ("（挥手。你好", [Gesture("挥手。"), Phrase("你好")]),
        ("*waves. Hello there", [Gesture("waves."), Phrase("Hello there")]),
        ("(one. (two) Three.", [Gesture("one."), Gesture("two"), Phrase("Three.")]),
        ("(one. (two. Three.", [Gesture("one."), Gesture("two."), Phrase("Three.")]),
        ("(oh. *waves. Bye*", [Gesture("oh."), Gesture("waves. Bye")]),
        ("Hi *", [Phrase("Hi")]),
    ],
)
def test_a_direction_that_is_never_closed_ends_at_its_first_sentence_end(
    reply: str, items: list[Phrase | Gesture]
) -> None:
    assert cut(reply) == items
    assert cut(*reply) == items


def test_a_direction_that_is_too_long_ends_at_its_first_sentence_end_without_waiting_for_the_reply() -> None:
    cutter = Phrases()
    assert cutter.feed("(" + "x" * 100 + ". " + "y" * (LONGEST_DIRECTION - 102)) == [], "not too long yet"
    assert cutter.feed("y") == [Gesture("x" * 100 + ".")]
    assert cutter.feed(" is spoken. (nods) ") == [
        Phrase("y" * (LONGEST_DIRECTION - 101) + " is spoken."),
        Gesture("nods"),
    ]


def test_a_direction_that_is_too_long_and_one_sentence_is_still_no_speech() -> None:
    assert spoken("(" + "on and on " * 60 + ") Hello.") == ["Hello."]
    assert [len(text) <= LONGEST_DIRECTION for text in gestures("(" + "on and on " * 60 + ") Hello.")] == [True]
    assert spoken("(" + "on and on " * 60 + "and ends. Hello.") == ["Hello."]


GIANTS = {
    "an open bracket": "(" + "a" * 100_000,
    "brackets in brackets": "(" * 100_000,
    "brackets in brackets, and words": "(" * 100_000 + "a. b",
    "dots in a bracket": "(" + "." * 100_000,
    "asterisks": "*" * 100_000,
    "pairs of brackets": "()" * 50_000,
    "pairs of asterisks": "*a " * 33_000,
    "one word": "a" * 100_000,
    "dots": "." * 100_000,
    "spaces": "a" + " " * 100_000,
}


@pytest.mark.parametrize("giant", GIANTS)
def test_a_giant_reply_takes_neither_long_nor_much_memory(giant: str) -> None:
    cutter = Phrases()
    began = time.process_time()
    for begin in range(0, len(GIANTS[giant]), 1000):
        cutter.feed(GIANTS[giant][begin : begin + 1000])
    cutter.finish()
    assert time.process_time() - began < 4.0, "a tenth of it where this was written; quadratic time is half a minute"


@pytest.mark.parametrize("giant", ["an open bracket", "brackets in brackets", "dots in a bracket", "spaces"])
def test_what_is_held_of_a_giant_reply_is_little(giant: str) -> None:
    cutter = Phrases()
    reply = GIANTS[giant][:20_000]
    cutter.feed("(warm up) Hello. ")
    tracemalloc.start()
    try:
        for character in reply:
            cutter.feed(character)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000, "bytes"


class Reply:
    """A reply that notes whether it was closed."""

    def __init__(self, *pieces: str | Usage | NoReply) -> None:
        self._pieces = pieces
        self.given = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[str | Usage, None]:
        try:
            for piece in self._pieces:
                await asyncio.sleep(0)
                if isinstance(piece, NoReply):
                    raise piece
                self.given += 1
                yield piece
        finally:
            self.closed = True


async def all_of(reply: Reply, spent: list[Usage] | None = None) -> list[Phrase | Gesture]:
    bills: list[Usage] = [] if spent is None else spent
    async with aclosing(phrases(reply.stream(), bills.append)) as found:
        return [item async for item in found]


def test_a_reply_in_pieces_is_phrases_and_its_cost_is_told() -> None:
    usage = Usage(134, 31, 0, 0.00002)
    spent: list[Usage] = []
    reply = Reply("Hel", "lo. (wa", "ves) And", " you?", usage)
    assert asyncio.run(all_of(reply, spent)) == [Phrase("Hello."), Gesture("waves"), Phrase("And you?")]
    assert spent == [usage]
    assert reply.closed


def test_a_phrase_does_not_wait_for_the_rest_of_the_reply_and_closing_closes_it() -> None:
    reply = Reply("Hello. ", "And ", "more. ", "And more.")

    async def listen() -> None:
        async with aclosing(phrases(reply.stream(), lambda usage: None)) as found:
            assert await anext(found) == Phrase("Hello.")
            assert (reply.given, reply.closed) == (1, False)
        assert (reply.given, reply.closed) == (1, True)

    asyncio.run(listen())


@pytest.mark.parametrize("pieces", [(), ("",), (" ", "\n", " "), (Usage(1, 0, 0, 0.0),)])
def test_an_empty_reply_is_no_reply(pieces: tuple[str | Usage, ...]) -> None:
    with pytest.raises(NoReply) as caught:
        asyncio.run(all_of(Reply(*pieces)))
    assert caught.value.cause is Cause.BROKEN


def test_a_reply_that_breaks_gives_what_was_complete_and_then_the_error() -> None:
    reply = Reply("Hello. And th", NoReply(Cause.UNREACHABLE, "gone"))
    found: list[Phrase | Gesture] = []

    async def listen() -> None:
        async with aclosing(phrases(reply.stream(), lambda usage: None)) as items:
            async for item in items:
                found.append(item)

    with pytest.raises(NoReply, match="gone"):
        asyncio.run(listen())
    assert found == [Phrase("Hello.")]
    assert reply.closed


def test_ten_thousand_ways_to_arrive_make_no_difference_and_no_direction_is_spoken() -> None:
    chance = random.Random(1)
    whole = [cut(reply) for reply in CORPUS]
    for _ in range(10_000):
        number = chance.randrange(len(CORPUS))
        reply, left, cutter = CORPUS[number], CORPUS[number], Phrases()
        parts: list[Phrase | Gesture] = []
        while left:
            size = chance.choice((1, 2, 3, 5, 8, 40))
            parts += cutter.feed(left[:size])
            left = left[size:]
        assert [*parts, *cutter.finish()] == whole[number], reply


@pytest.mark.parametrize(
    ("reply", "spoken"),
    [
        ("Look at https://example.org/a?b=c#d, it is nice.", ["Look at", "it is nice."]),
        ("Go to www.example.org!", ["Go to"]),
        ("看这里https://example.org吧。", ["看这里 吧。"]),
        ("https://example.org", []),
        ("Yes(nods)of course", ["Yes of course"]),
        ("Hi🎉there", ["Hi there"]),
        ("你（笑）好", ["你好"]),
        ("caf\u0065\u0301 au lait", ["caf\u0065\u0301 au lait"]),
    ],
)
def test_what_is_taken_out_leaves_no_trace(reply: str, spoken: list[str]) -> None:
    assert [part.text for part in cut(reply) if isinstance(part, Phrase)] == spoken

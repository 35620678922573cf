"""Whether somebody has finished, as far as the words tell: as speech-to-text writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.endings import ending
from companion.patience import Ending
from companion.trailing import COMPLETE, HANGING, LEADING_UP, LEANING

CLOSED, TOLD, UNKNOWN, HANGS = Ending.CLOSED, Ending.TOLD, Ending.UNKNOWN, Ending.HANGING

ENGLISH = [
    ("What is your favourite animal?", CLOSED),
    ("I had a good day at school today.", TOLD),
    ("Look at me!", CLOSED),
    ("He said “stop!”", CLOSED),
    ("yes", CLOSED),
    ("No", CLOSED),
    ("Yes, please", CLOSED),
    ("Stop", CLOSED),
    ("be quiet please", CLOSED),
    ("uh-huh", CLOSED),
    ("I don't know", CLOSED),
    ("I am 7.", TOLD),
    ("It was on the 3.", TOLD),
    ("Do you want to?", CLOSED),
    ("And?", CLOSED),
    ("Really?!", CLOSED),
    ("I think so. Yes", CLOSED),
    ("My dad is a doctor.", TOLD),
    ("Hello there.", TOLD),
    ("Guess what?", TOLD),
    ("Hello!", CLOSED),
    ("Tell me a story.", CLOSED),
    ("I want to hear about the moon.", CLOSED),
    ("Could you sing", UNKNOWN),
    ("Can you?", UNKNOWN),
    ("Do you know?", UNKNOWN),
    ("If I was a bird.", UNKNOWN),
    ("If I was a bird, I would fly.", TOLD),
    ("I like dinosaurs", UNKNOWN),
    ("can you tell me a story", UNKNOWN),
    ("What are you looking at.", UNKNOWN),
    ("That's what I want to.", UNKNOWN),
    ("turn it on", UNKNOWN),
    ("Switch it off.", UNKNOWN),
    ("3.", UNKNOWN),
    ("1, 2, 3.", UNKNOWN),
    ("My letter is B.", UNKNOWN),
    ("That's how it is.", UNKNOWN),
    ("I want to play with the", HANGS),
    ("I want to play with the.", HANGS),
    ("I like cats and.", HANGS),
    ("I went to the park and", HANGS),
    ("Because", HANGS),
    ("um", HANGS),
    ("Um.", HANGS),
    ("I think it was, uh.", HANGS),
    ("Well,", HANGS),
    ("I was going to say...", HANGS),
    ("I was going to say…", HANGS),
    ("The thing is -", HANGS),
    ("My favourite colour is", HANGS),
    ("what are you looking at", HANGS),
    ("I want to", HANGS),
    ("This is Dr.", HANGS),
    ("It's my", HANGS),
    ("I'm", HANGS),
    ("yes,", HANGS),
]

GERMAN = [
    ("Warum ist der Himmel blau?", CLOSED),
    ("Ich habe heute im Garten gespielt.", TOLD),
    ("ja", CLOSED),
    ("Nein danke", CLOSED),
    ("Weiß ich nicht", CLOSED),
    ("Sei still", CLOSED),
    ("Komm her!", CLOSED),
    ("Ich auch", CLOSED),
    ("Ich bin 5.", TOLD),
    ("Ich mag Dinosaurier", UNKNOWN),
    ("Ich komme mit", UNKNOWN),
    ("Mach das Licht an.", UNKNOWN),
    ("hör mir mal zu", UNKNOWN),
    ("Ich weiß, wo sie sind.", UNKNOWN),
    ("Ich möchte gerne mit dem", HANGS),
    ("Und dann hab ich ein.", HANGS),
    ("Weil", HANGS),
    ("Ich war im Zoo und", HANGS),
    ("Ich war im Zoo und.", HANGS),
    ("Ähm", HANGS),
    ("Das ist, äh.", HANGS),
    ("Wir waren bei", HANGS),
    ("Mein Hund heißt,", HANGS),
    ("Ich wollte sagen, dass", HANGS),
    ("Kennst du Dr.", HANGS),
]

SPANISH = [
    ("¿Cuántos años tienes?", CLOSED),
    ("Mi perro se llama Luna.", TOLD),
    ("¡Mira!", CLOSED),
    ("sí", CLOSED),
    ("Si.", CLOSED),
    ("No lo sé", CLOSED),
    ("Claro que sí", CLOSED),
    ("Más alto", CLOSED),
    ("Tengo 6.", TOLD),
    ("me gustan los dinosaurios", UNKNOWN),
    ("cuéntame un cuento", UNKNOWN),
    ("Dame una.", UNKNOWN),
    ("Quiero este.", UNKNOWN),
    ("Ya no hay.", UNKNOWN),
    ("Quiero jugar con", HANGS),
    ("Quiero jugar con.", HANGS),
    ("Fui al parque y", HANGS),
    ("Me gusta porque.", HANGS),
    ("Eh", HANGS),
    ("Pues,", HANGS),
    ("Es que", HANGS),
    ("Vive en la casa de mi", HANGS),
    ("Mi color favorito es", HANGS),
    ("Y entonces...", HANGS),
    ("Este es el Sr.", HANGS),
]

FRENCH = [
    ("Comment tu t'appelles ?", CLOSED),
    ("J'ai un petit chien.", TOLD),
    ("Regarde !", CLOSED),
    ("oui", CLOSED),
    ("Si.", CLOSED),
    ("Je sais pas", CLOSED),
    ("Moi aussi", CLOSED),
    ("Plus fort", CLOSED),
    ("J'ai 5 ans.", TOLD),
    ("j'aime les dinosaures", UNKNOWN),
    ("raconte-moi une histoire", UNKNOWN),
    ("Tu viens avec.", UNKNOWN),
    ("C'est à elle.", UNKNOWN),
    ("Je suis pour.", UNKNOWN),
    ("Je voudrais jouer avec", HANGS),
    ("Je suis allé au parc et", HANGS),
    ("Je suis allé au parc et.", HANGS),
    ("Parce que", HANGS),
    ("parce qu'", HANGS),
    ("Euh", HANGS),
    ("Alors, euh.", HANGS),
    ("C'est le chien de ma", HANGS),
    ("J'ai vu un.", HANGS),
    ("Il y avait l’", HANGS),
    ("Bon ben,", HANGS),
    ("C'est Mme.", HANGS),
]

JAPANESE = [
    ("今日は何をするの？", CLOSED),
    ("公園に行きました。", TOLD),
    ("見て！", CLOSED),
    ("うん", CLOSED),
    ("はい。", CLOSED),
    ("こんにちは", TOLD),
    ("なんで", CLOSED),
    ("もう一回言って", CLOSED),
    ("好きな色は何ですか", CLOSED),
    ("恐竜が好き", UNKNOWN),
    ("お話を読んで", UNKNOWN),
    ("歌を教えて。", UNKNOWN),
    ("これはなに", UNKNOWN),
    ("だって眠いから。", UNKNOWN),
    ("どこに行くの。", UNKNOWN),
    ("昨日ね、わにを見たよ、大きいわに", UNKNOWN),
    ("ぼくは", HANGS),
    ("公園で犬が", HANGS),
    ("公園で犬が。", HANGS),
    ("それでね、", HANGS),
    ("えっと", HANGS),
    ("えーっと。", HANGS),
    ("あのね、昨日学校で", HANGS),
    ("公園に行って", HANGS),
    ("眠いけど", HANGS),
    ("それから…", HANGS),
    ("犬と猫と", HANGS),
    ("お腹がすいたので", HANGS),
]

CHINESE = [
    ("你叫什么名字？", CLOSED),
    ("我今天去了公园。", TOLD),
    ("看我！", CLOSED),
    ("是的", CLOSED),
    ("好的", CLOSED),
    ("不要", CLOSED),
    ("我不知道", CLOSED),
    ("大声一点", CLOSED),
    ("你喜欢唱歌吗", CLOSED),
    ("我七岁。", TOLD),
    ("我喜欢恐龙", UNKNOWN),
    ("给我讲个故事", UNKNOWN),
    ("我喜欢红色的。", UNKNOWN),
    ("妈妈在。", UNKNOWN),
    ("我要那个。", UNKNOWN),
    ("我想和", HANGS),
    ("我喜欢猫和。", HANGS),
    ("因为", HANGS),
    ("但是。", HANGS),
    ("今天我去了公园，然后", HANGS),
    ("我最喜欢的颜色是", HANGS),
    ("那个", HANGS),
    ("呃", HANGS),
    ("我的", HANGS),
    ("我觉得，", HANGS),
    ("我想说……", HANGS),
    ("小狗在", HANGS),
]

EXAMPLES = [
    (text, language, expected)
    for language, rows in {
        "en": ENGLISH,
        "de": GERMAN,
        "es": SPANISH,
        "fr": FRENCH,
        "ja": JAPANESE,
        "zh": CHINESE,
    }.items()
    for text, expected in rows
]

LANGUAGES = st.sampled_from(["en", "de", "es", "fr", "ja", "zh", "xx", ""])


@pytest.mark.parametrize(("text", "language", "expected"), EXAMPLES)
def test_an_utterance_ends_so(text: str, language: str, expected: Ending) -> None:
    assert ending(text, language) is expected


def test_a_region_does_not_matter() -> None:
    assert ending("I like cats and", "en-GB") is HANGS
    assert ending("因为", "zh-Hans-CN") is HANGS


def test_a_command_may_be_said_with_the_name_of_the_toy() -> None:
    assert ending("Stop Pip", "en", ["Pip"]) is CLOSED
    assert ending("Stop Pip", "en") is UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dove andiamo?", CLOSED),
        ("Andiamo al parco.", TOLD),
        ("Andiamo,", HANGS),
        ("Andiamo al parco e", UNKNOWN),
        ("si", UNKNOWN),
    ],
)
def test_of_an_unknown_language_only_punctuation_counts(text: str, expected: Ending) -> None:
    assert ending(text, "it") is expected


@pytest.mark.parametrize("text", ["", " ", ".", "\n", '"', "。", "♪"])
def test_nothing_heard_tells_nothing(text: str) -> None:
    assert ending(text, "en") is UNKNOWN


@given(st.text(), LANGUAGES)
def test_no_text_is_too_odd(text: str, language: str) -> None:
    assert ending(text, language) in Ending


@given(st.text(), LANGUAGES, st.sampled_from(["?", "!", "？", "！", "?!", '?"', "！」"]))
def test_a_question_or_an_exclamation_always_closes(text: str, language: str, mark: str) -> None:
    assert ending(text + mark, language) is CLOSED


@given(st.text() | st.sampled_from([text for text, *_ in EXAMPLES]), LANGUAGES, st.text(" \t\n\u3000", max_size=4))
def test_spaces_at_the_end_do_not_matter(text: str, language: str, space: str) -> None:
    assert ending(text + space, language) is ending(text, language)


@given(st.sampled_from(EXAMPLES), st.sampled_from([",", "...", "…", " -", "、", "，"]))
def test_a_comma_dots_or_a_dash_always_hang(example: tuple[str, str, Ending], mark: str) -> None:
    text, language, _ = example
    assert ending(text.rstrip(".?!。？！”") + mark, language) is HANGS


@pytest.mark.parametrize("language", sorted(HANGING))
def test_a_full_stop_does_not_close_after_a_word_that_nobody_ends_on(language: str) -> None:
    start, stop = ("昨天", "。") if language in ("zh", "ja") else ("x ", ".")
    for word in HANGING[language]:
        assert ending(f"{start}{word}{stop}", language) is HANGS, word


@pytest.mark.parametrize("language", sorted(LEANING))
def test_a_full_stop_leaves_it_open_after_a_word_that_few_end_on(language: str) -> None:
    start, stop = ("昨天", "。") if language in ("zh", "ja") else ("x ", ".")
    for word in LEANING[language]:
        assert ending(f"{start}{word}", language) is not CLOSED, word
        assert ending(f"{start}{word}{stop}", language) in (UNKNOWN, HANGS), word


@pytest.mark.parametrize("language", sorted(COMPLETE))
def test_a_short_answer_is_whole_with_a_full_stop_or_without(language: str) -> None:
    for phrase in COMPLETE[language]:
        expected = TOLD if phrase in LEADING_UP[language] else CLOSED  # one often goes on after "hello"
        assert ending(phrase, language) is expected, phrase
        assert ending(phrase.capitalize() + ".", language) is expected, phrase


def test_no_word_is_in_two_tables() -> None:
    for language in HANGING:
        both = set(HANGING[language]) & set(LEANING[language])
        assert not both, both

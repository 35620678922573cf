import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from companion.character import WHILE_MUTED, Character, Rehearsed, bundled, load
from companion.errors import Cause, Deaf, NotHeard, NoVoice
from companion.history import tokens
from companion.phrasebook import FILLERS
from companion.ports import Message
from models.espeak import EspeakVoice, variants, voices
from models.rehearsal import answer
from models.topic import mentions

KINDS = ["lost", NotHeard.kind, NoVoice.kind, *Cause, Deaf.kind, WHILE_MUTED]
SENTENCES = tomllib.loads((Path(__file__).parents[1] / "speech" / "transcripts.toml").read_text("utf-8"))
DIRECTION = re.compile(r"\([^()]*\)")
NOT_SPEAKABLE = set('[]{}<>*_#~|\\/`"') | set("（）【】")


@pytest.fixture(params=["otto", "pip"])
def character(request: pytest.FixtureRequest) -> Character:
    """Somebody who speaks English."""
    return load(request.param)


@pytest.fixture(params=bundled())
def anybody(request: pytest.FixtureRequest) -> Character:
    return load(request.param)


def keyed(character: Character) -> list[Rehearsed]:
    return [entry for entry in character.rehearsal if entry.hears]


def fallback(character: Character) -> Rehearsed:
    (entry,) = [entry for entry in character.rehearsal if not entry.hears]
    return entry


def lines(character: Character) -> list[str]:
    return [line for entry in character.rehearsal for line in entry.says]


def spoken(line: str) -> str:
    return " ".join(DIRECTION.sub(" ", line).split())


def test_pip_and_otto_come_with_companion() -> None:
    assert {"otto", "pip"} <= set(bundled())


def test_the_voices_of_pip_and_otto_are_opposites() -> None:
    pip, otto = load("pip").espeak, load("otto").espeak
    assert pip.pitch - otto.pitch >= 30
    assert pip.range - otto.range >= 30
    assert pip.speed - otto.speed >= 40
    assert pip.voice != otto.voice


def test_the_embedded_voice_knows_the_voice_a_character_asks_for(anybody: Character) -> None:
    language, plus, variant = anybody.espeak.voice.partition("+")
    assert language in voices()
    assert plus
    assert variant in variants()


def test_pip_exclaims_and_otto_never_does() -> None:
    pip, otto = load("pip"), load("otto")
    everything_otto_says = [
        otto.opening,
        *otto.fillers,
        *lines(otto),
        *(line for said in otto.apologies.values() for line in said),
    ]
    assert not [line for line in everything_otto_says if "!" in line]
    assert sum("!" in line for line in lines(pip)) > 0.8 * len(lines(pip))


def test_every_rehearsed_line_takes_up_a_word_that_asked_for_it(anybody: Character) -> None:
    deaf = [
        line
        for entry in keyed(anybody)
        for line in entry.says
        if "{topic}" not in line and not any(mentions(line, phrase) for phrase in entry.hears)
    ]
    assert deaf == []


def test_no_word_asks_for_two_entries(anybody: Character) -> None:
    phrases = [phrase for entry in anybody.rehearsal for phrase in entry.hears]
    assert sorted(phrases) == sorted(set(phrases))


def test_there_is_something_rehearsed_for_most_of_what_a_child_says(anybody: Character) -> None:
    assert len(keyed(anybody)) >= 14
    assert all(2 <= len(entry.says) <= 3 for entry in keyed(anybody))
    assert len(set(lines(anybody))) == len(lines(anybody))


def test_where_nothing_fits_every_line_takes_up_the_topic(anybody: Character) -> None:
    assert len(fallback(anybody).says) >= 5
    assert all("{topic}" in line for line in fallback(anybody).says)


def test_lines_can_be_spoken_once_the_directions_are_taken_out(character: Character) -> None:
    for line in lines(character):
        said = spoken(line.replace("{topic}", "moon"))
        assert said
        assert not set(said) & (NOT_SPEAKABLE | set("()")), line
        assert said.isascii(), line
        assert len(said.split()) <= 45, line


def test_about_one_line_in_six_holds_a_stage_direction(character: Character) -> None:
    share = sum(DIRECTION.search(line) is not None for line in lines(character)) / len(lines(character))
    assert 0.08 < share < 0.25


def test_there_is_an_apology_for_every_way_to_lose_a_turn(anybody: Character) -> None:
    assert set(anybody.apologies) == set(KINDS)
    assert len({anybody.apology(kind) for kind in KINDS}) == len(KINDS)


def test_the_opening_and_the_apologies_are_short_and_hold_no_brackets(anybody: Character) -> None:
    for line in [anybody.opening, *(line for said in anybody.apologies.values() for line in said)]:
        assert not set(line) & (NOT_SPEAKABLE | set("()")), line
        assert len(line.split()) <= 25, line


def test_fillers_are_of_its_own_and_shorter_than_a_second_and_a_half(anybody: Character) -> None:
    async def seconds(line: str) -> float:
        return sum([piece.seconds async for piece in EspeakVoice(anybody.espeak).speak(line)])

    assert not set(anybody.fillers) & set(FILLERS[anybody.language])
    for line in anybody.fillers:
        assert not set(line) & (NOT_SPEAKABLE | set("()")), line
        assert asyncio.run(seconds(line)) < 1.5, line


def test_a_refused_key_sends_for_the_grown_ups(character: Character) -> None:
    assert all(word in character.apology("refused") for word in ("key", "grown-ups", "settings"))


def test_tuantuan_speaks_chinese_keeps_what_all_of_them_keep_and_says_nothing_that_cannot_be_spoken() -> None:
    tuantuan = load("tuantuan")
    for line in [tuantuan.opening, *tuantuan.fillers, *(line for said in tuantuan.apologies.values() for line in said)]:
        assert not re.search("[A-Za-z()（）【】]", line), line
    said = [re.sub("（[^（）]*）", "", line.replace("{topic}", "月亮")) for line in lines(tuantuan)]
    assert not [line for line in said if not line or re.search("[A-Za-z()（）【】]", line)]
    assert all(word in tuantuan.apology("refused") for word in ("钥匙", "大人", "设置"))
    assert "人工智能" in tuantuan.context
    by_word = {word: entry for entry in keyed(tuantuan) for word in entry.hears}
    assert all("人工智能" in line for line in by_word["你是真的吗"].says)
    assert all("大人" in line for line in by_word["受伤"].says)
    assert not [line for word in ("再见", "晚安") for line in by_word[word].says if "？" in line]


def test_goodbyes_ask_for_nothing(character: Character) -> None:
    partings = [entry for entry in keyed(character) if {"goodbye", "good night", "bed"} & set(entry.hears)]
    assert len(partings) == 3
    assert not [line for entry in partings for line in entry.says if "?" in line]


def test_a_sincere_question_gets_the_answer_that_it_is_an_ai(character: Character) -> None:
    assert "sincerely asks" in character.context
    (entry,) = [entry for entry in keyed(character) if "are you real" in entry.hears]
    assert all("an AI" in line for line in entry.says)


def test_pain_sends_for_a_grown_up(character: Character) -> None:
    (entry,) = [entry for entry in keyed(character) if "hurt" in entry.hears]
    assert all("grown-up" in line for line in entry.says)


def test_the_system_message_is_small_and_asks_for_no_parentheses(anybody: Character) -> None:
    message = anybody.system_message()
    assert tokens([Message("system", message)]) < 2_500
    assert "(" not in message


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_the_spoken_test_sentences_get_lines_of_their_own(character: Character, sentence: str) -> None:
    messages = [Message("system", character.system_message()), Message("user", sentence)]
    answers = {answer([character], messages, seed=0, choice=choice, parentheses=False) for choice in range(3)}
    assert answers <= {spoken(line) for entry in keyed(character) for line in entry.says}
    assert len(answers) >= 2

"""A character is read from its file, and every mistake in it is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scene import PERSONA, bo

from companion.character import (
    BUNDLED,
    LONGEST_LINE,
    LONGEST_SECTION,
    SPOKEN_GUIDE,
    Character,
    Espeak,
    bundled,
    load,
    parse,
    read,
)
from companion.errors import SettingsError
from companion.phrasebook import DEAF, FILLERS, MUTED
from companion.tables import LARGEST_FILE

FILE = """
name = "Bo"
summary = "a test"
opening = "Hello, I am Bo."
[persona]
details = "A test."
style = "Short."
[apologies]
lost = ["Oh dear."]
"""


def mistakes(**changes: Any) -> list[str]:
    """What is wrong with Bo after these changes; None takes a key away."""
    table = {key: value for key, value in (PERSONA | changes).items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        parse(table, "bo.toml")
    assert all(mistake.startswith("bo.toml: ") for mistake in caught.value.mistakes)
    return [mistake.removeprefix("bo.toml: ") for mistake in caught.value.mistakes]


def test_what_must_be_there_is_enough() -> None:
    character = bo()
    assert (character.name, character.language, character.description) == ("Bo", "en", "")
    assert character.espeak == Espeak()
    assert character.rehearsal == ()


def test_an_empty_file_misses_everything_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({}, "a.toml")
    assert list(caught.value.mistakes) == [
        f"a.toml: {key} is missing"
        for key in ("name", "summary", "persona.details", "persona.style", "opening", "apologies.lost")
    ]


def test_every_kind_of_mistake_is_told_at_once() -> None:
    found = mistakes(
        summary=None,
        name="x" * 61,
        language=7,
        opening=" ",
        persona={"details": "y" * (LONGEST_SECTION + 1), "stile": "Short.", "style": "Short."},
        voice={"espeak": {"pitch": 101, "speed": "fast", "range": True, "volume": 3}},
        apologies={"lost": [], "slow": ["z" * (LONGEST_LINE + 1)], "sloww": ["a"]},
        rehearsal=[{"hears": "hello", "says": ["Hi."], "sings": []}, {"hears": ["hi"]}],
        colour="red",
    )
    assert sorted(found) == sorted(
        [
            "summary is missing",
            "name has 61 characters; at most 60 fit",
            "language should be text, not 7",
            "opening is empty",
            f"persona.details has {LONGEST_SECTION + 1} characters; at most {LONGEST_SECTION} fit",
            "unknown key persona.stile; did you mean persona.style?",
            "voice.espeak.pitch should be a whole number from 0 to 100, not 101",
            "voice.espeak.speed should be a whole number from 80 to 450, not 'fast'",
            "voice.espeak.range should be a whole number from 0 to 100, not True",
            "unknown key voice.espeak.volume; did you mean voice.espeak.voice?",
            "apologies.lost should be a list of texts",
            f"apologies.slow: at most {LONGEST_LINE} characters a line",
            "unknown key apologies.sloww; did you mean apologies.slow?",
            "rehearsal 1: unknown sings; it has hears and says",
            "rehearsal 1, hears should be a list of texts",
            "rehearsal 2, says should be a list of texts",
            "unknown key colour",
        ]
    )


@pytest.mark.parametrize("value", [3, 1.5, True, ["a"], None])
@pytest.mark.parametrize("key", ["name", "summary", "opening"])
def test_a_text_of_the_wrong_type_is_one_mistake(key: str, value: object) -> None:
    (mistake,) = mistakes(**{key: value})
    assert mistake.startswith(f"{key} ")


@pytest.mark.parametrize("value", ["sorry", [], [""], [" "], [3], {"a": 1}])
def test_an_apology_is_a_list_of_texts(value: object) -> None:
    found = mistakes(apologies={"lost": ["Oh dear."], "slow": value})
    assert len(found) == 1
    assert "apologies.slow" in found[0]


@pytest.mark.parametrize("value", ["sorry", ["a"], [1], {"hears": ["a"], "says": ["b"]}])
def test_a_rehearsal_is_a_list_of_tables(value: object) -> None:
    assert any("rehearsal" in mistake for mistake in mistakes(rehearsal=value))


def test_a_long_value_is_not_repeated_in_full() -> None:
    (mistake,) = mistakes(name=["x" * 10_000])
    assert len(mistake) < 200


@pytest.mark.parametrize("name", ["user", " user "])
def test_nobody_is_called_what_the_history_calls_the_one_who_talks(name: str) -> None:
    (mistake,) = mistakes(name=name)
    assert mistake.startswith("name: user is ")


def test_texts_are_taken_without_the_space_around_them() -> None:
    assert bo(opening="\n  Hello.\n", language=" en ").opening == "Hello."


def test_the_system_message_is_the_sections_that_are_there_and_how_to_speak() -> None:
    assert bo().system_message() == f"You are Bo.\n\nA test.\n\nHow you speak:\nShort.\n\n{SPOKEN_GUIDE}"
    sections = {"details": "A.", "description": "B.", "context": "C.", "style": "D."}
    assert bo(persona=sections).system_message() == (
        f"You are Bo.\n\nA.\n\nAbout your life:\nB.\n\nWhere you are now:\nC.\n\nHow you speak:\nD.\n\n{SPOKEN_GUIDE}"
    )


def test_the_system_message_is_the_same_bytes_however_the_file_was_saved(tmp_path: Path) -> None:
    messages = set()
    for number, text in enumerate([FILE, FILE.replace("\n", "\r\n"), "\ufeff" + FILE, FILE + "\n\n# the end"]):
        path = tmp_path / f"{number}.toml"
        path.write_bytes(text.encode())
        messages.add(read(path).system_message().encode())
        messages.add(read(path).system_message().encode())
    assert len(messages) == 1


def test_each_loss_has_its_own_apology_or_the_one_for_all() -> None:
    character = bo(apologies={"lost": ["Oh dear.", "Oh no."], "slow": ["That takes long."]})
    assert character.apology("slow") == "That takes long."
    assert character.apology("throttled") == "Oh dear."
    assert character.apology("no such kind") == "Oh dear."


@pytest.mark.parametrize(
    "value", ["hm", ["Hm."], ["Hm.", "Hm. "], [f"{n}." for n in range(9)], ["x" * 41, "y"], [1, 2]]
)
def test_fillers_are_a_few_short_lines_all_different(value: object) -> None:
    (mistake,) = mistakes(fillers=value)
    assert mistake.startswith("fillers")


@pytest.mark.parametrize("language", sorted(FILLERS))
def test_without_fillers_of_its_own_it_has_those_of_its_language(language: str) -> None:
    character = bo(language=f"{language}-XX")
    assert character.fillers == tuple(FILLERS[language])
    assert bo(fillers=list(character.fillers)).fillers == character.fillers, "they keep to the rules for all"


def test_in_a_language_without_fillers_they_are_english() -> None:
    assert bo(language="tlh").fillers == tuple(FILLERS["en"])


def test_its_lines_are_all_that_it_says_word_for_word() -> None:
    character = bo(fillers=["Hm.", "Well."], apologies={"lost": ["Oh dear.", "Oh no."], "slow": ["Slow."]})
    assert character.lines == ("Hello, I am Bo.", "Hm.", "Well.", "Oh dear.", "Slow.", DEAF["en"], MUTED["en"])


def test_what_a_rehearsal_hears_is_lower_case() -> None:
    character = bo(rehearsal=[{"hears": ["The MOON "], "says": [" Yes. "]}, {"says": ["No."]}])
    assert [(entry.hears, entry.says) for entry in character.rehearsal] == [(("the moon",), ("Yes.",)), ((), ("No.",))]


def test_a_character_cannot_be_changed() -> None:
    character = bo()
    with pytest.raises(AttributeError):
        character.name = "Al"  # type: ignore[misc]  # that is the test
    with pytest.raises(TypeError):
        character.apologies["lost"] = ("x",)  # type: ignore[index]  # that is the test


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_character_is_found_by_its_name(name: str) -> None:
    assert load(name) == read(BUNDLED / f"{name}.toml")


def test_a_character_is_found_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("bo.toml", "bo.txt"):
        (tmp_path / name).write_text(FILE)
        assert isinstance(load(str(tmp_path / name)), Character)
        assert load(f"~/{name}").name == "Bo"


@pytest.mark.parametrize(
    ("name", "hint"), [("pipp", "did you mean pip?"), ("PIP", "did you mean pip?"), ("zzz", "or name a .toml file")]
)
def test_a_name_that_nobody_has_is_told_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(name)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"There is no character '{name}': ")
    assert mistake.endswith(hint)


@pytest.mark.parametrize("name", ["", ".", "x" * 300, "~nobody-of-this-name", "~nobody-of-this-name/a.toml", "a\0b"])
def test_a_name_that_can_be_no_file_is_told_too(name: str) -> None:
    with pytest.raises(SettingsError, match="There is no character"):
        load(name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"name = \xff", "is not UTF-8 text"),
        (b"name = ", "is not valid TOML: "),
        (b"name = " + b"[" * 20_000, "is not valid TOML: "),
        (b"#" * (LARGEST_FILE + 1), "larger than 256 KiB; a page or two of text will do"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "bo.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load(str(path))
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{path}: {reason}")


def test_a_folder_is_no_character(tmp_path: Path) -> None:
    folder = tmp_path / "bo.toml"
    folder.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(str(folder))


def test_every_mistake_in_a_file_begins_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bo.toml"
    path.write_text("nam = 'Bo'")
    with pytest.raises(SettingsError) as caught:
        read(path)
    assert all(mistake.startswith(f"{path}: ") for mistake in caught.value.mistakes)
    assert f"{path}: unknown key nam; did you mean name?" in caught.value.mistakes

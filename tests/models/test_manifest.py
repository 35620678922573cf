"""The manifest: what comes with Companion is sound, and the owner's is read with every mistake told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from companion.character import bundled
from companion.character import load as character
from companion.errors import SettingsError
from models.manifest import ANY, BUNDLED, Kind, find, firsts, load
from models.whisper_languages import LANGUAGES

MODELS = load()

MINE = """
[whisper.mine]
repository = "me/whisper"
revision = "main"
files = ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"]
languages = ["en"]
megabytes = 1
licence = "MIT"
good_for = "me"
board = "any"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    file = written(folder, text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert all(mistake.startswith(f"{file}: ") for mistake in caught.value.mistakes)
    return [mistake.removeprefix(f"{file}: ") for mistake in caught.value.mistakes]


def test_whisper_is_there_in_three_sizes_for_english_and_for_all_and_each_fine_tuned_too() -> None:
    whispers = {model.name for model in MODELS.values() if model.kind is Kind.WHISPER}
    plain = {f"{size}{english}" for size in ("tiny", "base", "small") for english in ("", ".en")}
    assert whispers == plain | {f"{name}-acft" for name in plain}
    assert {name for name in whispers if MODELS[name].converted} == {f"{name}-acft" for name in plain}


def test_voices_are_there_in_six_languages_and_more_chinese_among_them() -> None:
    voices = [model for model in MODELS.values() if model.kind is Kind.PIPER]
    spoken = {language.partition("-")[0] for voice in voices for language in voice.languages}
    assert {"en", "zh"} <= spoken
    assert len(spoken) >= 6
    for voice in voices:
        [language] = voice.languages
        assert voice.name.startswith(language.replace("-", "_"))


def test_no_digest_is_invented() -> None:
    text = BUNDLED.read_text()
    assert not re.search(r"[0-9a-f]{64}", text)
    assert "sha" not in text.replace("short", "").replace("shall", "")


def test_everybody_who_comes_with_companion_finds_ears_a_voice_and_patience() -> None:
    for name in bundled():
        language = character(name).language
        assert [model.kind for model in firsts(MODELS, language)] == list(Kind), language


def test_for_english_the_first_hears_english_only_and_for_others_all() -> None:
    assert next(model.name for model in firsts(MODELS, "en-GB")) == "base.en"
    assert [model.name for model in firsts(MODELS, "zh")] == ["base", "zh_CN-huayan-medium", "smart-turn-v3.2-cpu"]
    assert [model.name for model in firsts(MODELS, "sw")] == ["base"], "where no voice is known there is none"
    assert firsts(MODELS, "tlh") == [], "a hundred languages are not all"


def test_whisper_hears_what_it_was_trained_in_by_whatever_name_and_nothing_else() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert LANGUAGES | {"yue"} == set(_LANGUAGE_CODES), "Cantonese only the large one, which is too large for a toy"
    for tag in "sw", "nb-NO", "fil", "cmn-Hans-CN", "pt_BR":
        assert MODELS["tiny"].knows(tag), tag
    for tag in "tlh", "xx", "", "yue":
        assert not MODELS["tiny"].knows(tag), tag


@pytest.mark.parametrize(
    ("computer", "english", "chinese"),
    [
        ("", "base.en", "base"),
        ("Raspberry Pi 5 Model B Rev 1.0", "base.en", "base"),
        ("Raspberry Pi 4 Model B Rev 1.4", "tiny.en", "tiny"),
        ("Raspberry Pi 400 Rev 1.0", "tiny.en", "tiny"),
        ("Raspberry Pi Zero 2 W Rev 1.0", "tiny.en", "tiny"),
    ],
)
def test_a_smaller_computer_begins_with_a_smaller_model(computer: str, english: str, chinese: str) -> None:
    assert [firsts(MODELS, tag, computer)[0].name for tag in ("en", "zh")] == [english, chinese]
    assert [model.kind for model in firsts(MODELS, "en", computer)] == list(Kind)


def test_whatever_is_for_all_languages_is_for_each() -> None:
    assert MODELS["tiny"].languages == (ANY,)
    assert MODELS["tiny"].knows("sw-KE")
    assert not MODELS["tiny.en"].knows("de")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("tiny-en", "tiny.en"), ("lessac", "en_US-lessac-medium"), ("whisper/bas", "base"), ("nothing at all", "list")],
)
def test_a_name_that_there_is_not_gets_a_hint(asked: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        find(MODELS, [asked])
    assert hint in str(caught.value)


def test_all_names_that_there_are_not_are_told_at_once_and_each_other_is_taken_once() -> None:
    with pytest.raises(SettingsError) as caught:
        find(MODELS, ["tiny", "no such one", "nor this"])
    assert len(caught.value.mistakes) == 2
    assert [model.name for model in find(MODELS, ["tiny", "whisper/tiny", "base.en"])] == ["tiny", "base.en"]


def test_the_owners_models_come_last_and_take_the_place_of_those_of_the_same_name(tmp_path: Path) -> None:
    models = load(written(tmp_path, MINE + MINE.replace("whisper.mine", "whisper.tiny")))
    assert list(models)[-1] == "mine"
    assert models["tiny"].files[0].repository == "me/whisper"
    assert len(models) == len(MODELS) + 1


def test_every_mistake_in_the_owners_manifest_is_told_at_once(tmp_path: Path) -> None:
    text = MINE.replace('repository = "me/whisper"', 'repository = "https://hub/me/whisper"').replace(
        "megabytes = 1", 'megabytes = "large"\nlicense = "MIT"'
    )
    told = mistakes(tmp_path, text + '[piper.mine]\nrevision = "main"\n[wisper.other]\n')
    assert any(mistake.startswith("whisper.mine.repository should be owner/name") for mistake in told)
    assert any(mistake.startswith("whisper.mine.megabytes should be a valid integer") for mistake in told)
    assert "unknown key whisper.mine.license; did you mean licence?" in told
    assert "unknown key wisper; did you mean whisper?" in told
    assert "piper.mine.repository is missing" in told
    assert "piper.mine.files is missing" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"model.bin", ', ""), "whisper.mine: its files lack model.bin"),
        (('"config.json"', '"config.json", "a/config.json"'), "names config.json twice"),
        (('"config.json"', '"../config.json"'), "should be a file's path"),
        (('"config.json"', '"/etc/passwd"'), "should be a file's path"),
        (('"config.json"', '""'), "should be a file's path"),
        (('revision = "main"', 'revision = "../.."'), "should be letters, digits"),
        (("whisper.mine", 'whisper."../mine"'), "should be letters, digits"),
        (("whisper.mine", "piper.mine"), "its files lack mine.onnx, mine.onnx.json"),
        (("whisper.mine", "smart-turn.mine"), "its files lack mine.onnx"),
        (("megabytes = 1", "megabytes = 0"), "greater than or equal to 1"),
        (('languages = ["en"]', "languages = []"), "at least 1 item"),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    [sentence] = mistakes(tmp_path, MINE.replace(*change))
    assert told in sentence
    assert "\n" not in sentence


def test_two_models_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    voice = MINE.replace("whisper.mine", "piper.mine").replace('"config.json"', '"mine.onnx", "mine.onnx.json"')
    assert mistakes(tmp_path, MINE + voice) == ["piper.mine: there is a whisper of that name; take another"]


@pytest.mark.parametrize(("text", "told"), [("[whisper", "is not valid TOML"), ("whisper = 3", "whisper")])
def test_what_is_no_manifest_is_told(tmp_path: Path, text: str, told: str) -> None:
    assert told in mistakes(tmp_path, text)[0]


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")

"""What of the settings a saved conversation takes along."""

from __future__ import annotations

from pathlib import Path

from companion import settings
from companion.carried import CARRIED, carried
from companion.settings import Settings


def test_every_key_that_is_carried_is_one() -> None:
    assert {f"{section}.{name}" for section, names in CARRIED.items() for name in names} <= set(settings.known_keys())


def test_as_usual_there_is_nothing_to_carry() -> None:
    assert carried(Settings()) == ("", ())


def test_what_is_carried_is_read_as_it_was_and_what_is_not_is_named(tmp_path: Path) -> None:
    given = {
        "toy": {"person": 'Ada "the first"\n', "character": "otto"},
        "ears": {"names": ("hey jarvis",), "called": "wake", "longest": 12.5, "model": Path("/models/mine")},
        "chat": {"spoken_bias": {"12": -1.5}, "temperature": 0.5, "base_url": "https://mind.example/v1"},
        "body": {"earcons": False, "microphone": "USB"},
    }
    before = Settings.model_validate(given)
    text, left = carried(before)
    assert left == ("ears.model", "chat.base_url", "body.microphone")
    assert not [private for private in ("/models", "mind.example", "USB") if private in text]
    (tmp_path / "settings.toml").write_text(text)
    after = settings.load(tmp_path / "settings.toml", {})
    assert (after.toy.person, after.ears.names, after.ears.longest) == ('Ada "the first"\n', ("hey jarvis",), 12.5)
    assert (after.chat.spoken_bias, after.chat.temperature, after.body.earcons) == ({"12": -1.5}, 0.5, False)

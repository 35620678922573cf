"""A path in the settings means the same wherever one is when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.errors import SettingsError
from companion.settings import Settings, as_far_as_it_goes, load

KEYS = ["ears.model", "chat.key_file", "voice.model", "models.store", "models.manifest", "memory.state"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is, which is not where the settings are; with a home."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "settings").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def written(folder: Path, key: str, value: str) -> Path:
    section, name = key.split(".")
    file = folder / "settings" / "companion.toml"
    file.write_text(f"[{section}]\n{name} = {value}\n")
    return file


def read(settings: Settings, key: str) -> object:
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def test_every_path_there_is_is_among_these() -> None:
    found = [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name, inner in type(field.default).model_fields.items()
        if "Path" in str(inner.annotation)
    ]
    assert sorted(found) == sorted(KEYS)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("path", "meant"),
    [("mine", "settings/mine"), ("../mine", "settings/../mine"), ("~/mine", "home/mine"), ("~", "home")],
)
def test_a_path_in_a_file_counts_from_its_folder_or_from_home(tmp_path: Path, key: str, path: str, meant: str) -> None:
    file = written(tmp_path, key, f'"{path}"')
    assert read(load(file, {}), key) == tmp_path / meant
    assert read(as_far_as_it_goes(file, {"COMPANION_EARS__LONGEST": "x"})[0], key) == tmp_path / meant


@pytest.mark.usefixtures("elsewhere")
def test_a_path_counts_from_the_settings_also_where_they_are_named_by_a_relative_path(tmp_path: Path) -> None:
    written(tmp_path, "models.store", '"mine"')
    assert load(Path("../settings/companion.toml"), {}).models.store == Path("../settings/mine")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("key", KEYS)
def test_a_path_in_the_environment_counts_from_where_one_is_or_from_home(tmp_path: Path, key: str) -> None:
    file = written(tmp_path, key, '"of the file"')
    variable = "COMPANION_" + key.upper().replace(".", "__")
    assert read(load(file, {variable: "mine"}), key) == Path("mine")
    assert read(load(file, {variable: "~/mine"}), key) == tmp_path / "home" / "mine"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("key", KEYS)
def test_an_absolute_path_stays_and_the_home_of_nobody_is_a_mistake(tmp_path: Path, key: str) -> None:
    assert read(load(written(tmp_path, key, '"/srv/mine"'), {}), key) == Path("/srv/mine")
    file = written(tmp_path, key, '"~nobody-of-this-name/mine"')
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert str(caught.value) == f"{file}: {key} should begin with a home that there is, not with ~nobody-of-this-name"


@pytest.mark.usefixtures("elsewhere")
def test_what_is_no_path_is_a_mistake_as_before(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"models\.store .*path"):
        load(written(tmp_path, "models.store", "3"), {})
    with pytest.raises(SettingsError, match="models should be a section"):
        load(written(tmp_path, "toy.nudge", "true\n[[models]]"), {})


@pytest.mark.usefixtures("elsewhere")
def test_a_character_in_a_file_of_ones_own_counts_from_the_settings_and_a_name_stays_a_name(tmp_path: Path) -> None:
    (tmp_path / "settings" / "bo").write_text("")
    given = '["pip", "mine.toml", "bo", "~/mine.toml", "/srv/mine.toml", "piep"]'
    assert load(written(tmp_path, "toy.character", given), {}).toy.characters == (
        "pip",
        str(tmp_path / "settings" / "mine.toml"),
        str(tmp_path / "settings" / "bo"),
        "~/mine.toml",
        "/srv/mine.toml",
        "piep",
    )
    file = written(tmp_path, "toy.character", '"mine.toml"')
    assert load(file, {}).toy.character == str(tmp_path / "settings" / "mine.toml")
    assert load(file, {"COMPANION_TOY__CHARACTER": "mine.toml"}).toy.character == "mine.toml", "from where one is"

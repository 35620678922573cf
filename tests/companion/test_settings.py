"""Settings come from a file and the environment, and every mistake is told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import companion
from powerless import POWERLESS

from companion.address import is_loopback
from companion.errors import SettingsError
from companion.patience import Patience
from companion.settings import Settings, key, known_keys, load
from companion.tables import LARGEST_FILE

SECRET = "sk-5ecret"


def written(folder: Path, text: str) -> Path:
    file = folder / "companion.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(file: Path | None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(file, environment or {})
    return list(caught.value.mistakes)


def test_without_a_file_and_an_environment_everything_has_a_default() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.toy.character == "pip"
    assert (settings.ears.patience, settings.ears.longest) == ("adult", Patience.longest)
    assert (settings.ears.called, settings.ears.names) == (None, ()), "whoever runs it knows best"
    assert (settings.chat.engine, settings.ears.engine, settings.voice.engine) == ("auto", "auto", "auto")


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {}) == Settings()


def test_a_file_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, '[toy]\ncharacter = "Füchslein.toml"\n[ears]\nlongest = 9\n[chat]\nmodel = "m"\n')
    settings = load(file, {})
    assert (settings.ears.longest, settings.chat.model) == (9.0, "m")
    assert settings.toy.character == str(tmp_path / "Füchslein.toml")


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, '\ufeff[chat]\r\nmodel = "m"\r\n'), {}).chat.model == "m"


def test_the_environment_is_over_the_file_key_by_key(tmp_path: Path) -> None:
    file = written(tmp_path, '[chat]\nmodel = "from the file"\nengine = "qwen"\n[ears]\nlongest = 9.5\n')
    environment = {"COMPANION_CHAT__MODEL": "from the environment", "COMPANION_EARS__LONGEST": "4.5", "OTHER": "x"}
    settings = load(file, environment)
    assert (settings.chat.model, settings.chat.engine) == ("from the environment", "qwen")
    assert settings.ears.longest == 4.5


SAMPLES = {
    "echo": "webrtc",
    "base_url": "https://host/v1",
    "brightness": "0.5",
    "button": "27",
    "button_active_high": "True",
    "called": "wake",
    "earcons": "False",
    "speaker_rests": "False",
    "engine": "auto",
    "enabled": "True",
    "light": "led",
    "light_active_high": "False",
    "light_pins": "5, 6, 13",
    "names": "hey jarvis, okay nabu",
    "night_brightness": "0.1",
    "nudge": "False",
    "patience": "child",
    "presence_penalty": "-1.5",
    "quiet_hours": "20:00-07:00",
    "repetition_penalty": "1.1",
    "skip": "user, output",
    "spoken_bias": "off",
    "tell_time": "False",
    "temperature": "0.5",
    "top_p": "0.9",
}


@pytest.mark.parametrize("dotted", known_keys())
def test_every_key_can_come_from_the_environment(dotted: str) -> None:
    section, name = dotted.split(".")
    field = type(Settings.model_fields[section].default).model_fields[name]
    lowest = [str(limit.ge) for limit in field.metadata if hasattr(limit, "ge")]
    value = SAMPLES.get(name) or (lowest[0] if lowest else "x")
    settings = load(None, {f"COMPANION_{section}__{name}".upper(): value})
    shown = {"names": "('hey jarvis', 'okay nabu')", "skip": "('user', 'output')", "light_pins": "(5, 6, 13)"}
    assert str(getattr(getattr(settings, section), name)) == shown.get(name, value)


def test_a_setting_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(None, {}).chat.model = "m"


def test_every_mistake_is_told_at_once_with_where_it_is(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        speed = 3
        [chat]
        modle = "m"
        engine = "qwenn"
        model = 7
        [ears]
        pause = 0.7
        patience = "baby"
        called = "loudly"
        names = [""]
        longest = true
        [voices]
        engine = "auto"
        """,
    )
    environment = {
        "COMPANION_VOICE__ENGINE": "piperr",
        "COMPANION_CHAT__BASE_URL": "host/v1",
        "COMPANION_TOY__COLOUR": "a",
    }
    found = [re.sub("should be 'auto', .*", "should be one of these", each) for each in mistakes(file, environment)]
    assert sorted(found) == sorted(
        [
            f"{file}: unknown key speed",
            f"{file}: unknown key chat.modle; did you mean chat.model?",
            f"{file}: chat.engine should be one of these",
            f"{file}: chat.model should be a valid string",
            f"{file}: unknown key ears.pause; did you mean ears.names?",
            f"{file}: ears.patience should be 'adult' or 'child'",
            f"{file}: ears.called should be 'open', 'wake' or 'hold'",
            f"{file}: ears.names.0 String should have at least 1 character",
            f"{file}: ears.longest should be a number of seconds, not true or false",
            f"{file}: unknown key voices; did you mean voice?",
            "COMPANION_VOICE__ENGINE: voice.engine should be one of these",
            "COMPANION_CHAT__BASE_URL: chat.base_url should be an address like https://host/v1",
            "COMPANION_TOY__COLOUR: unknown key toy.colour",
        ]
    )


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0.1", "31", '"soon"', "[1]", "2020-01-01", "false"])
def test_a_length_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    (mistake,) = mistakes(written(tmp_path, f"[ears]\nlongest = {value}"))
    assert "ears.longest should be" in mistake


@pytest.mark.parametrize(
    "environment", [{}, {"COMPANION_CHAT__MODEL": "m"}, {"COMPANION_CHAT__BASE_URL": "https://h/v1"}]
)
def test_a_value_where_a_section_should_be_is_a_mistake(tmp_path: Path, environment: dict[str, str]) -> None:
    file = written(tmp_path, "chat = 3")
    assert mistakes(file, environment) == [f"{file}: chat should be a section with keys of its own"]


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("COMPANION_CHAT__BASEURL", "unknown key chat.baseurl; did you mean chat.base_url?"),
        ("COMPANION_CHAT_MODEL", "unknown key chat_model; did you mean chat.model?"),
        ("COMPANION_CHAT__MODEL__NAME", "chat.model should be a valid string"),
        ("COMPANION_QXZ", "unknown key qxz"),
        ("COMPANION_CHAT", "chat should be a section with keys of its own"),
    ],
)
def test_a_wrong_variable_is_named_with_its_mend(variable: str, hint: str) -> None:
    assert mistakes(None, {variable: "1"}) == [f"{variable}: {hint}"]


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    assert mistakes(file) == [f"{file}: cannot be read (No such file or directory)"]


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_folder_of_settings_into_which_one_may_not_look_is_told(tmp_path: Path, command: str) -> None:
    (folder := tmp_path / "companion").mkdir()
    (folder / "companion.toml").write_text("[toy]\n")
    folder.chmod(0)
    done = companion(command, within=POWERLESS, XDG_CONFIG_HOME=str(tmp_path))
    folder.chmod(0o700)
    sentence = f"{folder}/companion.toml: cannot be read (Permission denied)"
    if command == "run":
        assert (done.returncode, done.stderr) == (78, f"companion: {sentence}\n")
    else:
        assert f"WRONG    settings     {sentence}" in done.stdout
        assert not done.stderr


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == [f"{tmp_path}: cannot be read (Is a directory)"]


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes('[toy]\ncharacter = "F\xfcchslein"'.encode("latin-1"))
    assert mistakes(file) == [f"{file}: is not UTF-8 text"]


@pytest.mark.parametrize(
    "text", ["[chat", "chat: model", "a = 1\na = 2", "a = " + "[" * 20_000, "a = " + "1" * 5_000, "a\0 = 1"]
)
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    (mistake,) = mistakes(file)
    assert mistake.startswith(f"{file}: is not valid TOML: ")


def test_a_file_that_cannot_be_settings_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    with file.open("wb") as large:
        large.truncate(LARGEST_FILE + 1)
    assert mistakes(file) == [f"{file}: larger than 256 KiB; a page or two of text will do"]
    written(tmp_path, "#" * LARGEST_FILE)
    assert load(tmp_path / "companion.toml", {}) == Settings()


@pytest.mark.parametrize(
    "url",
    [
        "https://host/v1",
        "https://host:8443/v1",
        "http://localhost:8080/v1",
        "http://127.0.0.1:8080/v1",
        "http://127.1.2.3/v1",
        "http://[::1]:8080/v1",
        "",
    ],
)
def test_an_address_that_keeps_the_key_safe_is_taken(url: str) -> None:
    assert load(None, {"COMPANION_CHAT__BASE_URL": url}).chat.base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://host/v1",
        "http://192.168.1.2:8080/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://0.0.0.0/v1",
        "HTTP://example.com",
    ],
)
def test_an_address_over_which_others_could_read_the_key_is_refused(url: str) -> None:
    (mistake,) = mistakes(None, {"COMPANION_CHAT__BASE_URL": url})
    assert "should begin with https" in mistake


@pytest.mark.parametrize(
    "url",
    [
        "host/v1",
        "ftp://host/v1",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://host:port/v1",
        "https://host:99999/v1",
        "https://host:0/v1",
        "https://[::1/v1",
        "https://ho st/v1",
        "https://host/v1\n",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    (mistake,) = mistakes(None, {"COMPANION_CHAT__BASE_URL": url})
    assert mistake == "COMPANION_CHAT__BASE_URL: chat.base_url should be an address like https://host/v1"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@host/v1",
        f"https://:{SECRET}@host/v1",
        f"https://{SECRET}@host/v1",
        f"http://localhost:{SECRET}@host/v1",
        f"https://user:{SECRET}@host:port/v1",
        f"https://user:{SECRET}@[::1/v1",
        f"https://user:{SECRET}@ho℀st/v1",
        f"https://host:{SECRET}/v1",
        f"{SECRET}",
    ],
)
def test_a_password_in_an_address_is_refused_and_never_shown(tmp_path: Path, url: str) -> None:
    for found in (
        mistakes(None, {"COMPANION_CHAT__BASE_URL": url}),
        mistakes(written(tmp_path, f'[chat]\nbase_url = "{url}"')),
    ):
        assert len(found) == 1
        assert SECRET not in found[0]


def test_no_value_is_ever_shown_in_a_mistake() -> None:
    environment = {f"COMPANION_{dotted.replace('.', '__').upper()}": SECRET + "\n" for dotted in known_keys()}
    environment |= {"COMPANION_CHAT__API_KEY": SECRET, "COMPANION_CHAT__KEY": SECRET, "COMPANION_KEY": SECRET}
    assert SECRET not in "".join(mistakes(None, environment))


def test_an_error_does_not_carry_the_values_in_its_causes() -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, {"COMPANION_EARS__LONGEST": SECRET})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_key_comes_from_the_environment() -> None:
    assert key(Settings(), {"DASHSCOPE_API_KEY": f" {SECRET}\n"}) == SECRET


@pytest.mark.parametrize("environment", [{}, {"DASHSCOPE_API_KEY": ""}, {"DASHSCOPE_API_KEY": " \n"}])
def test_without_a_key_there_is_none(environment: dict[str, str]) -> None:
    assert key(Settings(), environment) is None


def test_the_key_in_a_file_is_over_the_one_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    settings = load(None, {"COMPANION_CHAT__KEY_FILE": str(file)})
    assert key(settings, {"DASHSCOPE_API_KEY": "sk-other"}) == SECRET


def test_the_key_file_may_be_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(SECRET)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key(load(None, {"COMPANION_CHAT__KEY_FILE": "~/key"}), {}) == SECRET


@pytest.mark.parametrize("name", ["none", ".", "a\\u0000b", "x" * 300])
def test_a_key_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, name: str) -> None:
    settings = load(written(tmp_path, f'[chat]\nkey_file = "{tmp_path}/{name}"'), {})
    with pytest.raises(SettingsError, match=r"chat\.key_file: .* cannot be read \(.+\)"):
        key(settings, {"DASHSCOPE_API_KEY": SECRET})


def test_a_key_file_that_is_not_text_is_a_mistake_that_shows_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(SettingsError) as caught:
        key(load(None, {"COMPANION_CHAT__KEY_FILE": str(file)}), {})
    assert str(caught.value) == f"chat.key_file: {file} cannot be read (it is not text)"


@pytest.mark.parametrize("secret", ["sk-a\nsk-b", "sk-a sk-b", "sk-é", "sk-\x1b[A"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(SettingsError, match="that no key has") as caught:
        key(Settings(), {"DASHSCOPE_API_KEY": secret})
    assert "sk-" not in str(caught.value)


def test_the_settings_never_hold_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET)
    monkeypatch.setenv("DASHSCOPE_API_KEY", SECRET)
    monkeypatch.setenv("COMPANION_CHAT__KEY_FILE", str(file))
    settings = load(None)
    assert key(settings) == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_every_setting_is_explained() -> None:
    for section in Settings.model_fields.values():
        assert all(field.description for field in type(section.default).model_fields.values())


@pytest.mark.parametrize("url", ["http://localhost", "http://LOCALHOST:1/v1", "http://127.0.0.1", "http://[::1]/"])
def test_an_address_on_this_machine_is_known(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://",
        "http://localhost.com",
        "http://localhost@host",
        "http://10.0.0.1",
        "http://[::1",
        "http://[x]",
    ],
)
def test_any_other_address_is_not_on_this_machine(url: str) -> None:
    assert not is_loopback(url)


@pytest.mark.parametrize(
    ("variable", "value", "range_"),
    [
        ("CHAT__CANDIDATES", "5", "less than or equal to 4"),
        ("CHAT__TEMPERATURE", "2", "less than 2"),
        ("CHAT__TOP_P", "0", "greater than 0"),
        ("CHAT__PRESENCE_PENALTY", "3", "less than or equal to 2"),
        ("MEMORY__ENTRIES", "5", "greater than or equal to 20"),
        ("MEMORY__SKIP", "everything", "'system', 'user', 'assistant' or 'output'"),
        ("CHAT__SPOKEN_BIAS", "verse", "prose, vendor, off"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before_with_its_range(variable: str, value: str, range_: str) -> None:
    (mistake,) = mistakes(None, {f"COMPANION_{variable}": value})
    assert range_ in mistake


@pytest.mark.parametrize("table", ['"7" = 101', '"7" = -101', "seven = -100", '"7" = "never"', '"7" = true'])
def test_a_bias_of_ones_own_has_token_ids_and_weights_from_minus_100_to_100(tmp_path: Path, table: str) -> None:
    (mistake,) = mistakes(written(tmp_path, f"[chat.spoken_bias]\n{table}"), {})
    assert "-100 to 100" in mistake


@pytest.mark.parametrize("dotted", known_keys())
def test_every_key_is_in_the_readme(dotted: str) -> None:
    section, _, name = dotted.partition(".")
    readme = Path(__file__).parents[2] / "README.md"
    assert f"| `[{section}] {name}` |" in readme.read_text(encoding="utf-8")


def test_a_key_comes_from_systemds_credential_unless_none_was_put_there(tmp_path: Path) -> None:
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), "DASHSCOPE_API_KEY": "sk-environment"}
    assert key(load(None, {}), environment) == "sk-environment"
    (tmp_path / "api_key").write_text("unset")
    assert key(load(None, {}), environment) == "sk-environment"
    (tmp_path / "api_key").write_text("sk-credential\n")
    assert key(load(None, {}), environment) == "sk-credential"


def test_the_machines_own_key_is_for_whoever_may_read_it_and_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.settings.MACHINES_CREDENTIALS", tmp_path)
    assert key(load(None, {}), {}) is None
    (tmp_path / "api_key").write_text("sk-machine\n")
    assert key(load(None, {}), {}) == "sk-machine"
    assert key(load(None, {}), {"DASHSCOPE_API_KEY": "sk-environment"}) == "sk-environment"


def test_no_key_is_taken_from_a_file_that_happens_to_lie_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "api_key").write_text("sk-somebody's")
    monkeypatch.chdir(tmp_path)
    assert key(load(None, {}), {}) is None

"""The vendor page's features, from the command line: one test for each that a person can try."""

import json
from pathlib import Path

from command import companion, journal
from recording_server import RecordingServer, recording_server, streamed

from companion.character import load


def asked(server: RecordingServer) -> list[dict[str, object]]:
    return [body for _, _, body in server.requests]


def service(server: RecordingServer) -> dict[str, str]:
    return {"DASHSCOPE_API_KEY": "sk-x", "COMPANION_CHAT__BASE_URL": server.base_url}


def test_another_model_is_asked_and_priced() -> None:
    with recording_server() as server:
        done = companion("chat", stdin="Hello\n", **service(server), COMPANION_CHAT__MODEL="qwen-plus-character")
    assert asked(server)[0]["model"] == "qwen-plus-character"
    assert "134 tokens in (0 cached), 31 out: at most $0.000110" in done.stderr


def test_again_asks_anew_with_another_seed_and_replaces_the_answer() -> None:
    with recording_server(streamed("One."), streamed("Two."), streamed("Three.")) as server:
        companion("chat", stdin="A joke\n/again\nAnother\n", **service(server), COMPANION_CHAT__TELL_TIME="false")
    first, again, last = asked(server)
    assert first["messages"] == again["messages"]
    assert first["seed"] != again["seed"]
    assert [message["content"] for message in last["messages"]][2:] == ["A joke", "Two.", "Another"]  # type: ignore[attr-defined]


def test_more_gives_several_answers_and_keeps_the_first() -> None:
    done = companion("chat", stdin="Dragons?\n/more 3\nAnd whales?\n")
    opening, first, *more, last = done.stdout.splitlines()
    assert opening == f"Pip: {load('pip').opening}"
    assert len(more) == 3
    assert len(set(more)) == 3
    assert all("dragons" in line.lower() for line in (first, *more))
    assert "whales" in last.lower()


def test_candidates_are_asked_for_and_one_is_spoken() -> None:
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for index, text in enumerate(["(nods) Yes.", "Yes, I do.", "Yes, I do, and I always did."])
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}
    with recording_server((200, {}, body)) as server:
        done = companion("simulate", "--say", "Hello", **service(server), COMPANION_CHAT__CANDIDATES="3")
    assert asked(server)[0]["n"] == 3
    assert "Pip  Yes, I do.\n" in done.stdout


def test_sampling_and_bias_go_out_as_they_are_set() -> None:
    environment = {
        "COMPANION_CHAT__TEMPERATURE": "1.2",
        "COMPANION_CHAT__TOP_P": "0.8",
        "COMPANION_CHAT__TOP_K": "30",
        "COMPANION_CHAT__SPOKEN_BIAS": "off",
    }
    with recording_server() as server:
        companion("chat", stdin="Hello\n", **service(server), **environment)
    (body,) = asked(server)
    assert (body["temperature"], body["top_p"], body["top_k"]) == (1.2, 0.8, 30)
    assert not body.get("logit_bias")


def test_two_characters_talk_with_the_user_each_in_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    words = ["--say", "Hello you two", "--say", "Pip, do you like puddles?", "--say", "Otto, what is the sea?"]
    done = companion("simulate", "--character", "pip", "--character", "otto", *words, "--journal", path)
    assert done.returncode == 0
    said = [(event["character"], event["kind"]) for event in journal(path) if event["event"] == "said"]
    assert said == [
        ("Pip", "opening"),
        ("Otto", "opening"),
        ("Pip", "reply"),
        ("Pip", "reply"),
        ("Otto", "reply"),
    ]


def test_a_group_is_asked_with_names_before_the_words_and_a_beginning_to_go_on_from() -> None:
    with recording_server() as server:
        cast = ["--character", "pip", "--character", "otto"]
        companion("simulate", *cast, "--say", "Otto, are you there?", **service(server), COMPANION_TOY__PERSON="Ann")
    messages = asked(server)[0]["messages"]
    assert messages[0]["content"] == load("otto").system_message()  # type: ignore[index]
    assert messages[-2:] == [  # type: ignore[index]
        {"role": "user", "content": "Ann: Otto, are you there?"},
        {"role": "assistant", "content": "Otto:", "partial": True},
    ]


def test_what_to_know_just_now_goes_before_the_last_words() -> None:
    with recording_server() as server:
        companion(
            *("chat",),
            stdin="/tell The door is open.\nHello\nHello again\n",
            **service(server),
            COMPANION_CHAT__SUPPLEMENT="It rains.",
            COMPANION_CHAT__TELL_TIME="false",
        )
    first, second = (body["messages"] for body in asked(server))
    assert first[-2] == {"role": "system", "content": "It rains.\nThe door is open."}  # type: ignore[index]
    assert second[-2] == {"role": "system", "content": "It rains."}  # type: ignore[index]
    assert "The door is open." not in json.dumps(second)


def test_long_term_memory_sends_the_persona_apart_and_only_what_is_new(tmp_path: Path) -> None:
    environment = {
        "COMPANION_MEMORY__ENABLED": "true",
        "COMPANION_MEMORY__ENTRIES": "20",
        "COMPANION_MEMORY__SKIP": "system",
        "COMPANION_MEMORY__STATE": str(tmp_path),
        "COMPANION_CHAT__TELL_TIME": "false",
    }
    with recording_server() as server:
        companion("chat", stdin="One\nTwo\n", **service(server), **environment)
        companion("chat", stdin="Three\n", **service(server), **environment)
    first, second, _ = asked(server)
    assert first["character_options"] == {
        "profile": load("pip").system_message(),
        "memory": {"enable_long_term_memory": True, "memory_entries": 20, "skip_save_types": ["system"]},
    }
    assert second["messages"] == [{"role": "user", "content": "Two"}]
    sessions = {headers["x-dashscope-aca-session"] for _, headers, _ in server.requests}
    assert len(sessions) == 1, "also after a restart"


def test_a_persona_that_fills_the_whole_request_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    sections = "".join(f'{name} = "{"字" * 5000}"\n' for name in ("details", "description", "style"))
    path.write_text(
        f'name = "Long"\nsummary = "Long."\nopening = "Hi."\n[persona]\n{sections}[apologies]\nlost = ["Oh."]\n',
        encoding="utf-8",
    )
    done = companion("chat", "--character", path, stdin="Hello\n")
    assert done.returncode == 78
    assert "the persona has about 15" in done.stderr
    assert "takes 8000" in done.stderr

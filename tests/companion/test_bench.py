"""What listening costs, as the command tells it."""

from __future__ import annotations

import json

from command import companion

from companion import bench


def test_it_measures_on_this_machine_and_prints_one_json_object() -> None:
    done = companion("bench", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["metrics"]) == {
        "ears_alone_cpu_percent",
        "listening_for_its_name_cpu_percent",
        "listening_to_speech_cpu_percent",
        "echo_canceller_cpu_percent",
    }
    figures = told["metrics"]
    assert 0 < figures["listening_for_its_name_cpu_percent"] < figures["listening_to_speech_cpu_percent"]
    assert told["machine"]["cores"] >= 1


def test_speech_without_end_is_made_for_it() -> None:
    talk = bench._talk()
    assert len(talk) == bench.SPEECH_SECONDS * 16_000
    assert abs(talk).max() > 1_000


def test_a_toy_whose_name_cannot_be_heard_is_told_so() -> None:
    done = companion("bench", COMPANION_EARS__NAMES="hey xqzt")
    assert done.returncode == 78
    assert "xqzt" in done.stderr


def test_a_picture_is_refused_before_anything_is_measured() -> None:
    for arguments, reason in [(("--plot", "turn.png"), "--engines"), (("--engines", "--plot", "turn.gif"), ".png")]:
        done = companion("bench", *arguments)
        assert done.returncode == 2
        assert reason in done.stderr

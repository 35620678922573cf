"""When the ears take a pause for the end, on scripted turns whose pauses are known: against silence alone."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from turn_taking.judging import Judgement, judge
from turn_taking.speaking import render

from companion.audio import Utterance
from companion.endings import ending
from companion.patience import PATIENCE, Ending, Patience
from companion.spoken_turns import TURNS, Rendered, Turn, turns
from models.speech_detector import SileroDetector

HELD_OUT = Path(__file__).with_name("held_out.toml")

SILENCES = (0.4, 0.8, 1.2) if os.environ.get("COMPANION_SOAK") else (0.8,)
"""Seconds of the baseline, in which silence alone decides."""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where spoken words are kept for the next test."""
    return tmp_path_factory.mktemp("spoken")


def product(sounds: list[Rendered]) -> Judgement:
    """Adults with an adult's patience, children with a child's."""
    judgements = [
        judge([one for one in sounds if one.turn.speaker == age], PATIENCE[age], SileroDetector())
        for age in ("adult", "child")
    ]
    return judgements[0] + judgements[1]


def silence_only(sounds: list[Rendered], seconds: float) -> Judgement:
    patience = Patience(closed=seconds, told=seconds, unknown=seconds, hanging=seconds)
    return judge(sounds, patience, SileroDetector())


@pytest.mark.parametrize(
    ("file", "most_cut_off", "latest", "most_begun"),
    [(TURNS, 0.05, 0.75, 1.3), (HELD_OUT, 0.07, 0.85, 1.4)],
    ids=["set", "held out"],
)
def test_few_turns_are_cut_off_and_few_people_are_kept_waiting(
    file: Path, most_cut_off: float, latest: float, most_begun: float, spoken: Path
) -> None:
    sounds = [render(turn, spoken) for turn in turns(file)]
    ours = product(sounds)
    print(f"\n{file.name}: {ours.cut_offs:.1%} of {len(sounds)} turns cut off, {ours.latency * 1000:.0f} ms")
    print(
        f"  {ours.requests:.2f} answers begun for each turn, {ours.hidden:.0%} of those that were wanted in the pause"
    )
    for verdict in ours.verdicts:
        if verdict.cut_off:
            print(f"  cut off in a pause of {verdict.cut_off} s: {verdict.turn.name}")
    for seconds in SILENCES:
        alone = silence_only(sounds, seconds)
        print(f"  silence alone, {seconds} s: {alone.cut_offs:.1%} cut off, {alone.latency * 1000:.0f} ms")
        assert alone.cut_offs > ours.cut_offs or alone.latency > ours.latency, "worse in one or the other"
    assert ours.cut_offs <= most_cut_off
    assert ours.latency <= latest
    assert ours.requests <= most_begun


def test_a_child_may_pause_for_a_second_and_a_half_wherever_the_words_leave_a_sentence_open(spoken: Path) -> None:
    asked = [
        replace(turn, parts=(*turn.parts[:place], replace(turn.parts[place], pause=1.5), *turn.parts[place + 1 :]))
        for file in (TURNS, HELD_OUT)
        for turn in turns(file)
        for place in range(len(turn.parts) - 1)
        if mid_sentence(turn, place) and ending(turn.parts[place].heard, turn.language) in LEFT_OPEN
    ]
    judged = [judge([render(turn, spoken)], PATIENCE["child"], SileroDetector()).verdicts[0] for turn in asked]
    kept = [verdict for verdict in judged if verdict.cut_off != 1.5]
    print(f"\n{len(kept)} of {len(judged)} pauses of 1.5 s kept")
    assert len(judged) >= 40
    assert len(kept) >= 0.95 * len(judged)


LEFT_OPEN = (Ending.UNKNOWN, Ending.HANGING)


def mid_sentence(turn: Turn, place: int) -> bool:
    """Whether the last word before this pause ends no sentence in what was said as a whole."""
    says = turn.parts[place].says.lower()
    word = says[-1] if turn.language in ("ja", "zh") else re.findall(r"[\w']+", says)[-1]
    return not re.search(re.escape(word) + r"[.?!。？！]", turn.parts[-1].heard.lower())


@pytest.mark.skipif(not os.environ.get("COMPANION_SOAK"), reason="the embedded ears read for a minute: make soak")
def test_what_the_embedded_ears_read_is_reported_too(spoken: Path) -> None:
    from models.sphinx import SphinxTranscriber

    ears = SphinxTranscriber()

    def read(_: Turn, __: int, so_far: Utterance) -> str:
        return ears._read(so_far.audio)

    sounds = [render(turn, spoken) for turn in turns() if turn.language == "en"]
    for age in ("adult", "child"):
        theirs = judge([one for one in sounds if one.turn.speaker == age], PATIENCE[age], SileroDetector(), read)
        print(f"\npocketsphinx, {age}: {theirs.cut_offs:.1%} cut off, {theirs.latency * 1000:.0f} ms")
        assert theirs.cut_offs <= 0.25
        assert theirs.latency <= 1.8

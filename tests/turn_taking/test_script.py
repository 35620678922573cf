"""The scripted turns are what they say, and sound where they say."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from synthetic import has_flite
from turn_taking.speaking import render

from companion.audio import FRAME_SAMPLES, RATE, Samples
from companion.spoken_turns import LEAD, Rendered, Turn, turns

TURNS = turns()

ENGLISH = [turn for turn in TURNS if turn.language == "en"]

SHORTEST_PAUSE = 0.2
"""Seconds; a shorter quiet is part of a word."""

ENGINES = [pytest.param(True, marks=pytest.mark.skipif(not has_flite(), reason="flite is not installed")), False]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


def test_there_are_enough_turns_in_every_language() -> None:
    counts = Counter(turn.language for turn in TURNS)
    assert len(TURNS) >= 72
    assert counts["en"] >= 50
    assert all(counts[language] >= 3 for language in ("de", "es", "fr", "ja", "zh"))
    assert {turn.speaker for turn in TURNS} == {"adult", "child"}


def test_pauses_are_as_long_as_people_make_them() -> None:
    inner = [pause for turn in TURNS for pause in turn.pauses]
    assert statistics.median(inner) == pytest.approx(0.5)
    assert all(SHORTEST_PAUSE <= pause <= 1.5 for pause in inner)
    assert all(turn.parts[-1].pause == 3.0 for turn in TURNS)


def test_about_two_turns_in_five_have_no_pause_and_none_more_than_four() -> None:
    counts = [len(turn.pauses) for turn in TURNS]
    assert counts.count(0) / len(counts) == pytest.approx(0.4, abs=0.05)
    assert max(counts) == 4


def test_children_pause_longer() -> None:
    pauses = {
        speaker: [pause for turn in TURNS if turn.speaker == speaker for pause in turn.pauses]
        for speaker in ("adult", "child")
    }
    assert statistics.median(pauses["child"]) > statistics.median(pauses["adult"])
    assert sum(pause >= 1.0 for pause in pauses["child"]) >= 12


def test_every_part_has_words_and_a_transcript_that_grows() -> None:
    for turn in TURNS:
        assert all(part.says and part.heard for part in turn.parts), turn.name
        for earlier, later in itertools.pairwise(turn.parts):
            assert sum(map(str.isalnum, later.heard)) > sum(map(str.isalnum, earlier.heard)), turn.name


def test_no_two_turns_are_alike() -> None:
    assert len({turn.parts for turn in TURNS}) == len(TURNS)


def longest_quiet(samples: Samples) -> float:
    """Seconds of the longest run of frames below -45 dBFS."""
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(float)
    quiet = np.sqrt(np.mean(frames**2, axis=1)) < 32768 * 10 ** (-45 / 20)
    runs = [len(list(run)) for is_quiet, run in itertools.groupby(quiet) if is_quiet]
    return max(runs, default=0) * FRAME_SAMPLES / RATE


def heard_spans(rendered: Rendered) -> list[tuple[float, float]]:
    """Seconds where it is loud, found in the sound alone; gaps shorter than 0.19 s count as speech."""
    loud = np.flatnonzero(np.abs(rendered.audio.samples.astype(int)) > 50) / RATE
    cuts = [0, *(np.flatnonzero(np.diff(loud) > 0.19) + 1), len(loud)]
    return [(float(loud[begin]), float(loud[end - 1])) for begin, end in itertools.pairwise(cuts)]


@pytest.mark.parametrize("flite", ENGINES)
def test_the_truth_is_where_the_sound_is_within_30_ms(flite: bool, folder: Path) -> None:
    for turn in ENGLISH:
        rendered = render(turn, folder, flite=flite)
        found = heard_spans(rendered)
        assert len(found) == len(turn.parts), turn.name
        for span, (begins, ends) in zip(rendered.spans, found, strict=True):
            assert span.begins / RATE == pytest.approx(begins, abs=0.03), turn.name
            assert span.ends / RATE == pytest.approx(ends, abs=0.03), turn.name


@pytest.mark.parametrize("flite", ENGINES)
def test_the_pauses_are_those_of_the_script_and_no_part_has_one_of_its_own(flite: bool, folder: Path) -> None:
    for turn in ENGLISH:
        rendered = render(turn, folder, flite=flite)
        ends = [*(span.begins for span in rendered.spans[1:]), len(rendered.audio.samples)]
        assert rendered.spans[0].begins == LEAD * RATE
        for part, span, following in zip(turn.parts, rendered.spans, ends, strict=True):
            assert following - span.ends == round(part.pause * RATE)
            assert longest_quiet(rendered.audio.samples[span.begins : span.ends]) < SHORTEST_PAUSE, part.says


def quiet_of(rendered: Rendered) -> Samples:
    """The last second."""
    return rendered.audio.samples[-RATE:]


@pytest.mark.parametrize("flite", ENGINES)
def test_quiet_is_dither_of_one_bit_and_never_zeros(flite: bool, folder: Path) -> None:
    quiet = quiet_of(render(ENGLISH[0], folder, flite=flite))
    assert set(quiet.tolist()) == {-1, 0, 1}


@pytest.mark.parametrize("flite", ENGINES)
def test_a_turn_sounds_the_same_every_time(flite: bool, folder: Path, tmp_path: Path) -> None:
    for turn in ENGLISH[-2:]:
        once, again = render(turn, folder, flite=flite), render(turn, folder, flite=flite)
        anew = render(turn, tmp_path, flite=flite)
        assert once.spans == again.spans == anew.spans
        assert once.audio.samples.tolist() == again.audio.samples.tolist() == anew.audio.samples.tolist()


def test_adults_have_two_voices_and_children_one() -> None:
    def voices(speaker: str) -> set[str]:
        return {turn.voice for turn in ENGLISH if turn.speaker == speaker}

    assert voices("adult") == {"rms", "awb"}
    assert voices("child") == {"slt"}
    assert isinstance(TURNS[0], Turn)

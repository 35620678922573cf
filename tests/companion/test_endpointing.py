"""How long a silence must be until somebody has finished."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.endpointing import QUICKEST, SLOWEST, Rhythm, judged
from companion.patience import PATIENCE, Age, Ending, Patience

CLOSED, TOLD, UNKNOWN, HANGING = Ending.CLOSED, Ending.TOLD, Ending.UNKNOWN, Ending.HANGING


@pytest.mark.parametrize(
    ("age", "ending", "seconds"),
    [
        ("adult", CLOSED, 0.45),
        ("adult", TOLD, 0.64),
        ("adult", UNKNOWN, 0.8),
        ("adult", HANGING, 1.8),
        ("child", CLOSED, 0.55),
        ("child", TOLD, 1.15),
        ("child", UNKNOWN, 1.6),
        ("child", HANGING, 2.6),
    ],
)
def test_the_less_it_sounds_like_an_end_and_the_younger_the_speaker_the_longer_we_wait(
    age: Age, ending: Ending, seconds: float
) -> None:
    assert PATIENCE[age].silence(ending) == seconds
    assert Rhythm(PATIENCE[age]).silence(ending) == seconds, "as long as nothing is known of the speaker"


def test_a_child_may_take_longer_to_answer_and_all_else_is_the_same_for_everybody() -> None:
    adult, child = PATIENCE["adult"], PATIENCE["child"]
    assert adult == Patience(), "the defaults are those for an adult"
    assert (adult.follow_up, child.follow_up) == (1.0, 1.5)
    for name in ("start_voiced", "start_within", "pre_roll", "draft", "longest_silence", "longest"):
        assert getattr(adult, name) == getattr(child, name)


@pytest.mark.parametrize("age", PATIENCE)
def test_what_was_said_is_read_before_any_silence_ends_it_and_none_is_longer_than_the_longest(age: Age) -> None:
    patience = PATIENCE[age]
    silences = [patience.silence(ending) for ending in (CLOSED, TOLD, UNKNOWN, HANGING)]
    assert patience.draft < QUICKEST < silences[0]
    assert silences == sorted(set(silences))
    assert silences[-1] < patience.longest_silence


def test_a_habit_moves_by_a_tenth_of_what_each_pause_differs_from_it() -> None:
    rhythm = Rhythm(Patience(told=0.0))
    assert rhythm.silence(TOLD) == pytest.approx(0.3)
    rhythm.paused(1.3)
    assert rhythm.silence(TOLD) == pytest.approx(0.4)
    rhythm.paused(0.4)
    assert rhythm.silence(TOLD) == pytest.approx(0.4)
    rhythm.paused(0.2)
    assert rhythm.silence(TOLD) == pytest.approx(0.38)


def test_who_pauses_for_long_is_waited_for_but_never_less_than_what_was_heard_asks_for() -> None:
    rhythm = Rhythm(PATIENCE["adult"])
    for _ in range(60):
        rhythm.paused(1.0)
    assert rhythm.silence(TOLD) == pytest.approx(1.0, abs=0.01)
    assert rhythm.silence(UNKNOWN) == pytest.approx(1.0, abs=0.01)
    assert rhythm.silence(HANGING) == 1.8
    assert rhythm.silence(CLOSED) == 0.45, "nobody is kept waiting who has asked for something"


@pytest.mark.parametrize(("pause", "habit"), [(9.0, SLOWEST), (0.15, QUICKEST)])
def test_a_habit_stays_within_its_bounds(pause: float, habit: float) -> None:
    rhythm = Rhythm(Patience(told=0.0))
    for _ in range(100):
        rhythm.paused(pause)
    assert rhythm.silence(TOLD) == pytest.approx(habit)
    rhythm.paused(0.3 if pause > 1 else 1.2)
    assert rhythm.silence(TOLD) != pytest.approx(habit), "and comes back at once: nothing piles up behind a bound"


@pytest.mark.parametrize("ending", [TOLD, UNKNOWN, HANGING])
def test_whoever_was_cut_off_has_a_quarter_more_time_for_five_turns(ending: Ending) -> None:
    rhythm = Rhythm(PATIENCE["adult"])
    usual = rhythm.silence(ending)
    rhythm.cut_off()
    for _ in range(5):
        assert rhythm.silence(ending) == pytest.approx(1.25 * usual)
        rhythm.finished()
    assert rhythm.silence(ending) == usual
    rhythm.finished()
    assert rhythm.silence(ending) == usual


def test_cut_off_again_the_five_turns_begin_again_and_the_time_does_not_grow() -> None:
    rhythm = Rhythm(PATIENCE["adult"])
    rhythm.cut_off()
    for _ in range(3):
        rhythm.finished()
    rhythm.cut_off()
    for _ in range(5):
        assert rhythm.silence(TOLD) == pytest.approx(0.8)
        rhythm.finished()
    assert rhythm.silence(TOLD) == 0.64


def test_a_habit_counts_for_whoever_was_cut_off_too() -> None:
    rhythm = Rhythm(PATIENCE["adult"])
    for _ in range(100):
        rhythm.paused(1.0)
    rhythm.cut_off()
    assert rhythm.silence(TOLD) == pytest.approx(1.25, abs=0.01)


def test_nobody_is_waited_for_longer_than_the_longest_silence() -> None:
    rhythm = Rhythm(PATIENCE["child"])
    rhythm.cut_off()
    assert rhythm.silence(HANGING) == 3.0, "not 2.6 and a quarter"
    assert Rhythm(Patience(longest_silence=1.0)).silence(HANGING) == 1.0


@given(st.lists(st.one_of(st.floats(0.0, 30.0), st.sampled_from(["finished", "cut off"])), max_size=40))
def test_whatever_was_heard_the_order_of_endings_and_the_bounds_hold(happened: list[float | str]) -> None:
    for patience in PATIENCE.values():
        rhythm = Rhythm(patience)
        for each in happened:
            if each == "finished":
                rhythm.finished()
            elif each == "cut off":
                rhythm.cut_off()
            else:
                assert isinstance(each, float)
                rhythm.paused(each)
        closed, told, unknown, hanging = (rhythm.silence(ending) for ending in (CLOSED, TOLD, UNKNOWN, HANGING))
        assert patience.closed == closed <= told <= unknown <= hanging <= patience.longest_silence


@pytest.mark.parametrize(
    ("words", "finished", "together"),
    [
        (CLOSED, 0.9, CLOSED),
        (CLOSED, 0.5, CLOSED),
        (CLOSED, 0.1, UNKNOWN),
        (TOLD, 0.9, TOLD),
        (TOLD, 0.5, TOLD),
        (TOLD, 0.1, UNKNOWN),
        (UNKNOWN, 0.9, CLOSED),
        (UNKNOWN, 0.5, UNKNOWN),
        (UNKNOWN, 0.1, UNKNOWN),
        (HANGING, 0.9, HANGING),
        (HANGING, 0.5, HANGING),
        (HANGING, 0.1, HANGING),
        (UNKNOWN, 0.75, UNKNOWN),
        (CLOSED, 0.25, CLOSED),
    ],
)
def test_the_sound_closes_what_the_words_leave_open_and_opens_what_they_close(
    words: Ending, finished: float, together: Ending
) -> None:
    assert judged(words, finished) is together

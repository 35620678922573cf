"""What the toy knows of its own echo: how it may be interrupted, and why."""

from __future__ import annotations

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, RATE, Audio, Frame, Samples
from companion.echo import UNKNOWN, Echo, Interruptible, Verdict

FULL = Verdict(Interruptible.FULL, "a test")


class Share:
    """A canceller that takes out what it is told, and leaves the rest."""

    def __init__(self, echo: Samples, left: float) -> None:
        self._echo = iter(echo.reshape(-1, FRAME_SAMPLES))
        self._left = left
        self.learning = False

    def cancel(self, captured: Audio, played: Audio) -> Audio:
        rest = captured.samples - np.rint(next(self._echo) * (1 - self._left)).astype(np.int16)
        return Audio(rest.astype(np.int16))

    def reset(self) -> None: ...


def sound(seconds: float, seed: int = 0, amplitude: float = 2000.0) -> Samples:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * amplitude
    return np.rint(samples).astype(np.int16)


def late(played: Samples, seconds: float) -> Samples:
    return np.concatenate([np.zeros(round(seconds * RATE), dtype=np.int16), played])[: len(played)]


def live(echo: Echo, captured: Samples, played: Samples | None) -> Samples:
    heard = []
    for at in range(0, len(captured), FRAME_SAMPLES):
        reference = None if played is None else Audio(played[at : at + FRAME_SAMPLES])
        heard.append(echo.cleaned(Frame(Audio(captured[at : at + FRAME_SAMPLES]), at / RATE, reference)).captured)
    return Audio.join(heard).samples


@pytest.mark.parametrize(
    ("left", "how"), [(0.05, Interruptible.FULL), (0.2, Interruptible.GUARDED), (0.7, Interruptible.WORDS)]
)
def test_how_it_may_be_interrupted_follows_from_what_is_left_of_the_echo(left: float, how: Interruptible) -> None:
    told: list[Verdict] = []
    played = sound(4.0)
    echo = Echo(Share(late(played, 0.08), left), UNKNOWN, told.append)
    live(echo, late(played, 0.08), played)
    assert [verdict.how for verdict in told] == [how]
    assert told[0].delay == pytest.approx(0.08, abs=0.001)
    assert told[0].suppression == pytest.approx(-20 * np.log10(left), abs=1)


def test_an_echo_that_comes_too_late_is_refused_with_the_reason() -> None:
    played = sound(4.0)
    echo = Echo(Share(np.zeros_like(played), 1.0), UNKNOWN)
    live(echo, late(played, 0.45), played)
    assert echo.verdict.how is Interruptible.WORDS
    assert "450 ms" in echo.verdict.why
    assert "400 ms" in echo.verdict.why


def test_what_still_comes_back_after_it_fell_silent_is_not_heard() -> None:
    spoken = np.concatenate([sound(4.0), np.zeros(4 * RATE, dtype=np.int16)])
    captured = late(spoken, 0.6)
    echo = Echo(Share(np.zeros_like(spoken), 1.0), UNKNOWN)
    heard = live(echo, captured, spoken)
    while_it_plays, after = slice(3 * RATE, 4 * RATE), slice(4 * RATE + FRAME_SAMPLES, round(4.6 * RATE))
    assert np.array_equal(heard[while_it_plays], captured[while_it_plays]), "so that its name is heard in it"
    assert Audio(heard[after]).level < Audio(captured[after]).level - 25


def test_whoever_speaks_after_a_late_echo_is_heard() -> None:
    spoken = np.concatenate([sound(4.0), np.zeros(4 * RATE, dtype=np.int16)])
    somebody = np.concatenate([np.zeros(round(5.2 * RATE), dtype=np.int16), sound(2.8, seed=5)])
    echo = Echo(Share(np.zeros_like(spoken), 1.0), UNKNOWN)
    heard = live(echo, late(spoken, 0.6) + somebody, spoken)
    assert np.array_equal(heard[round(5.2 * RATE) :], somebody[round(5.2 * RATE) :])


def test_a_sound_that_does_not_come_back_needs_no_canceller() -> None:
    played = sound(4.0)
    echo = Echo(Share(np.zeros_like(played), 1.0), UNKNOWN)
    live(echo, sound(4.0, seed=1, amplitude=2.0), played)
    assert echo.verdict.how is Interruptible.FULL
    assert "does not come back" in echo.verdict.why
    assert echo.verdict.suppression is None, "and no infinity in a journal of JSON"


def test_without_a_reference_only_the_button_interrupts() -> None:
    told: list[Verdict] = []
    echo = Echo(Share(sound(1.0), 1.0), UNKNOWN, told.append)
    live(echo, sound(1.0), None)
    assert [verdict.how for verdict in told] == [Interruptible.BUTTON]


def test_without_a_canceller_all_is_heard_and_nothing_concluded() -> None:
    echo = Echo(None, FULL)
    captured = sound(1.0)
    assert np.array_equal(live(echo, captured, captured), captured)
    assert echo.verdict is FULL


def test_while_it_speaks_alone_its_ears_hear_next_to_nothing() -> None:
    played = sound(6.0)
    echo = Echo(Share(played, 0.1), UNKNOWN)
    heard = live(echo, played, played)
    assert Audio(heard[4 * RATE :]).level < Audio(played).level - 45


def test_somebody_who_is_louder_than_what_is_left_is_heard_as_they_are() -> None:
    played = sound(6.0)
    voice = np.zeros_like(played)
    voice[5 * RATE :] = sound(1.0, seed=7, amplitude=1000.0)
    echo = Echo(Share(played, 0.05), UNKNOWN)
    heard = live(echo, played + voice, played)
    late_part = slice(5 * RATE + RATE // 5, None)
    assert Audio(heard[late_part]).level == pytest.approx(Audio(voice[late_part]).level, abs=0.5)


def test_while_nothing_is_played_all_is_heard() -> None:
    captured = sound(2.0)
    echo = Echo(Share(np.zeros_like(captured), 1.0), UNKNOWN)
    assert np.array_equal(live(echo, captured, np.zeros_like(captured)), captured)


def test_a_canceller_that_begins_anew_lets_nothing_through() -> None:
    played = sound(6.0)
    share = Share(played, 1.0)
    share.learning = True
    heard = live(Echo(share, UNKNOWN), played, played)
    assert Audio(heard[RATE:]).level < Audio(played).level - 25


def test_news_are_told_once() -> None:
    told: list[Verdict] = []
    played = sound(12.0)
    echo = Echo(Share(late(played, 0.02), 0.02), UNKNOWN, told.append)
    live(echo, late(played, 0.02), played)
    assert len(told) == 1


def test_its_own_voice_is_known_even_when_nothing_is_taken_out() -> None:
    played = sound(3.0)
    echo = Echo(Share(np.zeros(5 * RATE), 1.0), UNKNOWN)
    assert not echo.is_own()
    live(echo, late(played, 0.08), played)
    assert echo.is_own()
    live(echo, sound(1.0, seed=3), np.zeros(RATE, dtype=np.int16))
    assert not echo.is_own()


def test_somebody_else_is_not_taken_for_itself() -> None:
    played = sound(3.0)
    echo = Echo(Share(np.zeros(5 * RATE), 1.0), UNKNOWN)
    live(echo, late(played, 0.08) // 4 + sound(3.0, seed=4), played)
    assert not echo.is_own()


@pytest.mark.parametrize(
    ("delay", "other", "own", "word"),
    [(0.08, 1.0, True, True), (0.08, 2.0, False, True), (0.08, 6.0, False, False), (0.6, 2.0, False, False)],
    ids=["half of it", "a third of it", "little of it", "a third of it, and nothing was taken out"],
)
def test_what_is_left_of_its_voice_is_soon_too_much_to_believe_a_word_in_it(
    delay: float, other: float, own: bool, word: bool
) -> None:
    """`other`: power of what else is heard, against its own voice."""
    played = sound(3.0)
    mixed = np.rint(late(played, delay) + sound(3.0, seed=4) * np.sqrt(other)).astype(np.int16)
    echo = Echo(Share(np.zeros(5 * RATE), 1.0), UNKNOWN)
    live(echo, mixed, played)
    assert (echo.is_own(), echo.says_it_itself()) == (own, word)

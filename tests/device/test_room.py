"""A simulated room answers: as late, as loud and as clearly as it was asked to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scene import Scene, Shout, in_world

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from companion.calling import Open
from companion.ports import Microphone
from companion.simulation import acoustics
from device.echo_path import Acoustics
from device.room import RANGES, REVERBERATION_SECONDS, Room, impulse_response
from device.simulated import SimulatedMicrophone, SimulatedSpeaker, World
from models.scripted import ScriptedVoice

RATES = [16_000, 22_050, 24_000]
"""Hertz of the voices there are."""


class Stage:
    """A speaker and a microphone in a room."""

    def __init__(
        self,
        room: Room,
        *,
        seed: int = 0,
        gain: float = 1.0,
        said: Samples | None = None,
        around: Callable[[SimulatedSpeaker], Acoustics] | None = None,
    ) -> None:
        self.world = World(longest=300.0)
        self.speaker = SimulatedSpeaker(self.world)
        around = around or (lambda speaker: Acoustics(room, seed, gain, speaker.heard))
        user = np.zeros(FRAME_SAMPLES, np.int16) if said is None else said
        self.microphone = SimulatedMicrophone(self.world, lambda _: user, around(self.speaker))
        self.frames: list[Frame] = []

    def live(self, act: Callable[[], Awaitable[None]]) -> None:
        async def listen() -> None:
            while True:
                self.frames.append(await self.microphone.read())

        async def living() -> None:
            async with self.world.turning():
                listening = asyncio.create_task(listen())
                await act()
                listening.cancel()
                await asyncio.wait({listening})

        in_world(self.world, living)

    def play(self, *pieces: Audio, then: float = 1.0) -> None:
        """Let the speaker play these, and the room fall silent."""

        async def act() -> None:
            await self.world.sleep(0.5)
            for piece in pieces:
                await self.speaker.play(piece)
            await self.world.sleep(sum(piece.seconds for piece in pieces) + then)

        self.live(act)

    @property
    def captured(self) -> NDArray[np.float64]:
        return np.concatenate([frame.captured.samples for frame in self.frames]).astype(float)

    @property
    def played(self) -> NDArray[np.float64]:
        return np.concatenate([frame.played.samples for frame in self.frames if frame.played]).astype(float)


def voice(rate: int, seconds: float = 2.0, level: float = -20.0) -> Audio:
    """Something with the spectrum of a voice, more or less: most of it below 4 kHz, none above 7."""
    noise = np.random.default_rng(5).standard_normal(round(seconds * rate))
    spectrum = np.fft.rfft(noise)
    pitch = np.fft.rfftfreq(len(noise), 1 / rate)
    shaped = np.fft.irfft(spectrum * (pitch > 100) * (pitch < 7_000) / (1 + (pitch / 1_000) ** 2), len(noise))
    loud = 32_768 * 10 ** (level / 20) / np.sqrt(np.mean(shaped**2))
    return Audio(np.clip(shaped * loud, -32_768, 32_767).astype(np.int16), rate)


def later(one: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    """By how many samples `other` is later than `one`."""
    size = len(one) + len(other)
    alike = np.fft.irfft(np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size), size)
    best = int(np.argmax(np.abs(alike)))
    return best if best < size // 2 else best - size


def truth(speaker: SimulatedSpeaker, samples: int) -> NDArray[np.float64]:
    """What the speaker played, by the moments it tells, at `RATE`."""
    sounds: list[list[tuple[float, Audio]]] = []
    for began, audio in speaker.heard:
        if not sounds or began > sounds[-1][-1][0] + sounds[-1][-1][1].seconds + FRAME_SECONDS / 2:
            sounds.append([])
        sounds[-1].append((began, audio))
    line = np.zeros(samples)
    for sound in sounds:
        first, whole = sound[0][0], Audio.join(audio for _, audio in sound)
        fit = soxr.resample(whole.samples.astype(float), whole.rate, RATE)
        line[round(first * RATE) : round(first * RATE) + len(fit)] = fit
    return line


@pytest.mark.parametrize("rate", RATES)
def test_the_reference_is_what_was_played_sample_by_sample_in_one_sound_or_in_several(rate: int) -> None:
    stage = Stage(Room())

    async def act() -> None:
        for seconds in (0.1, 1.503, 0.25):
            await stage.speaker.play(voice(rate, seconds))
            await stage.world.sleep(seconds + 0.1 + seconds / 7)

    stage.live(act)
    played = stage.played
    expected = truth(stage.speaker, len(played))
    assert later(expected, played) == 0
    assert np.sqrt(np.mean((played - expected) ** 2)) < 0.03 * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize("delay", [5.0, 37.5, 80.0, 500.0])
@pytest.mark.parametrize("rate", RATES)
def test_the_echo_comes_so_much_later_as_was_asked(rate: int, delay: float) -> None:
    stage = Stage(Room(delay=delay))
    stage.play(voice(rate))
    assert later(stage.played, stage.captured) == pytest.approx(delay / 1000 * RATE, abs=1)
    assert later(truth(stage.speaker, len(stage.captured)), stage.captured) == pytest.approx(delay / 1000 * RATE, abs=2)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("rate", RATES)
def test_the_echo_is_what_was_played_convolved_with_the_room(rate: int, seed: int) -> None:
    stage = Stage(Room(delay=20.0), seed=seed, gain=0.5)
    stage.play(voice(rate))
    whole = 0.5 * np.convolve(stage.played, impulse_response(seed))
    expected = np.concatenate([np.zeros(320), whole])[: len(stage.captured)]
    assert np.abs(stage.captured - expected).max() < 1.0


def test_after_a_silence_a_room_answers_as_it_did_before() -> None:
    stage = Stage(Room(delay=20.0))
    word = voice(RATE, 0.3)
    stage.play(word, Audio.silence(2.0), word)
    whole = np.convolve(stage.played, impulse_response(0))
    expected = np.concatenate([np.zeros(320), whole])[: len(stage.captured)]
    assert np.abs(stage.captured - expected).max() < 1.0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("echo", [-30.0, -6.0, 3.0])
@pytest.mark.parametrize("loud", [-20.0, -32.0])
def test_the_toys_full_voice_is_as_loud_as_was_asked_against_the_user(rate: int, echo: float, loud: float) -> None:
    class Speech(ScriptedVoice):
        def _hum(self, text: str) -> Audio:
            return voice(rate, len(text) * 0.1, loud)

    line = Shout(1.0, 2.0)
    user = Audio(np.concatenate(list(line.samples()))).speech_level
    room = Room(echo=echo)

    def calibrated(speaker: SimulatedSpeaker) -> Acoustics:
        return asyncio.run(acoustics(room, 7, speaker, Speech(), "I am the opening line.", [line]))

    stage = Stage(room, around=calibrated)
    stage.play(voice(rate, 3.0, loud))
    assert Audio(stage.captured.astype(np.int16)).speech_level == pytest.approx(user + echo, abs=1.0)


def test_the_user_is_as_loud_as_all_lines_on_average_and_silent_ones_do_not_count() -> None:
    class Quiet(Shout):
        def samples(self) -> Sequence[Samples]:  # type: ignore[override]
            return [(samples * 0.1).astype(np.int16) for samples in super().samples()]

    def gain(*lines: Shout) -> float:
        speaker = SimulatedSpeaker(World())
        return float(asyncio.run(acoustics(Room(), 0, speaker, ScriptedVoice(), "Hello there.", lines))._gain)

    one, quiet = gain(Shout(1.0)), gain(Quiet(1.0))
    assert quiet == pytest.approx(one / 10, rel=0.02), "a quiet user has a quiet toy"
    assert gain(Shout(1.0), Quiet(1.0)) == pytest.approx(np.sqrt(one * quiet), rel=0.02)
    assert gain(Shout(1.0), Shout(0.0, 1.0)) == one
    assert 0 < gain() < 10 * one


def test_the_same_seed_is_the_same_room_and_another_seed_another() -> None:
    def echo(seed: int) -> list[float]:
        stage = Stage(Room(noise=-60.0), seed=seed)
        stage.play(voice(22_050, 0.5))
        return stage.captured.tolist()

    assert echo(1) == echo(1)
    assert echo(1) != echo(2)


@pytest.mark.parametrize("seed", range(5))
def test_the_walls_send_back_less_than_comes_directly_and_die_away(seed: int) -> None:
    response = impulse_response(seed).astype(float)
    assert np.sum(response**2) == pytest.approx(1.0)
    assert 10 * np.log10(np.sum(response[1:] ** 2) / response[0] ** 2) == pytest.approx(-6.0, abs=0.1)
    left = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1])  # Schroeder's integral
    begins, ends = (round(share * REVERBERATION_SECONDS * RATE) for share in (0.1, 0.6))
    assert left[begins] - left[ends] == pytest.approx(30.0, abs=2.0), "60 dB in the whole of it"


@pytest.mark.parametrize("drift", [-500.0, -100.0, 100.0, 500.0])
def test_a_faster_microphone_hears_the_echo_slide_later_and_a_slower_one_earlier(drift: float) -> None:
    stage = Stage(Room(delay=80.0, drift=drift))
    stage.play(voice(22_050, 21.0))
    for second in (2, 12, 21):
        window = slice((second - 1) * RATE, second * RATE)
        around = slice(window.start, window.stop + 3_000)
        expected = 80.0 / 1000 * RATE + drift * 1e-6 * (second - 0.5) * RATE
        assert later(stage.played[window], stage.captured[around]) == pytest.approx(expected, abs=2)


def test_a_sliding_echo_is_as_clear_as_one_that_stands() -> None:
    tone = Audio((8_000 * np.sin(2 * np.pi * 1_000 / RATE * np.arange(10 * RATE))).astype(np.int16))
    stage = Stage(Room(drift=500.0))
    stage.play(tone)
    heard = stage.captured[4 * RATE : 8 * RATE] * np.hanning(4 * RATE)
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    peak = int(np.argmax(spectrum))
    near = spectrum[peak - 8 : peak + 9].sum()
    assert peak / 4 == pytest.approx(1_000 / 1.0005, abs=0.25)
    assert 10 * np.log10(near / (spectrum.sum() - near)) > 60


def test_an_echo_that_slides_earlier_stops_before_it_would_come_before_its_sound() -> None:
    stage = Stage(Room(delay=6.0, drift=-500.0))
    stage.play(voice(RATE, 10.0))
    assert later(stage.played[8 * RATE : 9 * RATE], stage.captured[8 * RATE : 9 * RATE]) == 80, "5 ms"


@pytest.mark.parametrize("level", [-80.0, -60.0, -30.0])
def test_the_noise_is_as_loud_as_was_asked_and_steady(level: float) -> None:
    stage = Stage(Room(noise=level))
    stage.play(Audio.silence(0.1), then=5.0)
    noise = stage.captured
    for second in range(5):
        assert Audio(noise[second * RATE : (second + 1) * RATE].astype(np.int16)).level == pytest.approx(level, abs=0.5)


def test_without_noise_and_sound_a_room_adds_nothing() -> None:
    said = np.random.default_rng(1).integers(-32_768, 32_767, FRAME_SAMPLES, dtype=np.int16, endpoint=True)
    stage = Stage(Room(), said=said)
    stage.play(Audio.silence(0.1))
    assert all(np.array_equal(frame.captured.samples, said) for frame in stage.frames)
    assert not stage.played.any()


@pytest.mark.parametrize("rate", RATES)
def test_played_in_pieces_or_at_once_it_is_the_same_echo(rate: int) -> None:
    whole = voice(rate, 1.5)
    cuts = [0, 1, 700, 701, 5_000, 5_441, 17_000, len(whole.samples)]
    pieces = [Audio(whole.samples[begins:ends], rate) for begins, ends in itertools.pairwise(cuts)]
    one, other = Stage(Room()), Stage(Room())
    one.play(whole)
    other.play(*pieces)
    assert np.array_equal(one.captured[: 2 * RATE], other.captured[: 2 * RATE])


def test_voices_of_several_rates_follow_each_other() -> None:
    stage = Stage(Room())
    stage.play(*(voice(rate, 0.5) for rate in RATES))
    loud = [Audio(frame.played.samples).level > -40 for frame in stage.frames if frame.played]
    assert loud.index(True) == 50
    assert sum(loud[50:200]) == 150, "without a gap"
    assert not any(loud[201:])


def test_an_echo_that_is_too_loud_is_clipped_and_does_not_wrap() -> None:
    loud = Audio((30_000 * np.sin(2 * np.pi * 200 / RATE * np.arange(RATE))).astype(np.int16))
    stage = Stage(Room(), gain=4.0, said=np.full(FRAME_SAMPLES, 20_000, np.int16))
    stage.play(loud)
    heard = stage.captured
    assert heard.max() == 32_767
    assert heard.min() == -32_768
    steps = np.abs(np.diff(heard))
    assert steps.max() < 30_000, "from one end to the other in one sample it would be 65,535"


def test_what_is_ducked_paused_or_stopped_echoes_so() -> None:
    stage = Stage(Room(delay=20.0))

    async def act() -> None:
        playing = asyncio.create_task(stage.speaker.play(voice(22_050, 8.0)))
        await stage.world.sleep(1.0)
        stage.speaker.duck(20.0)
        await stage.world.sleep(1.0)
        stage.speaker.duck(0.0)
        stage.speaker.pause()
        await stage.world.sleep(1.0)
        stage.speaker.resume()
        await stage.world.sleep(1.0)
        stage.speaker.volume = 0.1
        await stage.world.sleep(1.0)
        stage.speaker.stop()
        await stage.world.sleep(1.0)
        await playing

    stage.live(act)
    for sound in (stage.played, stage.captured):
        levels = [
            Audio(sound[second : second + RATE // 2].astype(np.int16)).level for second in range(8_000, 6 * RATE, RATE)
        ]
        full, ducked, paused, resumed, low, stopped = levels
        assert resumed == pytest.approx(full, abs=1.5)
        assert full - ducked == pytest.approx(20.0, abs=1.5)
        assert full - low == pytest.approx(20.0, abs=1.5)
        assert paused < full - 50
        assert stopped < full - 70


def test_a_frame_of_a_room_tells_when_it_was_captured_and_comes_one_frame_later() -> None:
    stage = Stage(Room())
    came: list[float] = []

    async def act() -> None:
        for _ in range(20):
            before = len(stage.frames)
            await stage.world.sleep(FRAME_SECONDS)
            came.extend([stage.world.now()] * (len(stage.frames) - before))

    stage.live(act)
    ends = [frame.ends for frame in stage.frames]
    assert ends == pytest.approx([(number + 1) * FRAME_SECONDS for number in range(len(ends))])
    assert np.subtract(came, ends[: len(came)]).max() <= 2 * FRAME_SECONDS + 1e-9


def test_what_was_captured_before_the_microphone_opened_is_heard_by_nobody() -> None:
    world = World(longest=60.0)
    microphone = SimulatedMicrophone(
        world, lambda _: np.zeros(FRAME_SAMPLES, np.int16), Acoustics(Room(), 0, 1.0, SimulatedSpeaker(world).heard)
    )

    async def act() -> None:
        async with world.turning():
            for _ in range(2):
                await world.sleep(1.0)
                opened = world.now()
                assert (await microphone.read()).ends == pytest.approx(opened + FRAME_SECONDS)
                await microphone.close()

    in_world(world, act)


def test_a_conversation_in_a_room_hears_the_toy_and_the_user() -> None:
    frames: list[Frame] = []

    class Tapped:
        def __init__(self, within: Microphone) -> None:
            self._within = within

        async def read(self) -> Frame:
            frames.append(frame := await self._within.read())
            return frame

        async def close(self) -> None:
            await self._within.close()

    scene = Scene(
        Shout(1.0),
        hears=["one"],
        replies=[["First. ", "And more."]],
        room=Room(echo=-20.0, delay=80.0, noise=-70.0),
        microphone=Tapped,
        calling=Open(),
    )
    scene.play()
    assert [event.fields["text"] for event in scene.told("heard")] == ["one"]
    played = np.concatenate([frame.played.samples for frame in frames if frame.played]).astype(float)
    captured = np.concatenate([frame.captured.samples for frame in frames]).astype(float)
    began, arrived = (int(np.argmax(np.abs(sound) > 200)) for sound in (played, captured))
    assert arrived - began == pytest.approx(0.080 * RATE, abs=RATE // 1000)
    spoken = slice(began, began + RATE // 2)
    assert Audio(captured[spoken].astype(np.int16)).level < Audio(played[spoken].astype(np.int16)).level


KEY = st.sampled_from([*RANGES, "ecko", "Delay", "", "x"])
VALUE = st.one_of(st.floats(-1_000, 1_000).map(str), st.sampled_from(["", "nan", "inf", "-6 dB", "1_0", "１２"]))
TEXT = st.one_of(
    st.text(max_size=40), st.lists(st.tuples(KEY, VALUE).map("=".join), max_size=5).map(",".join), st.text("=,-echo0")
)


def read(text: str) -> Room | str:
    try:
        return Room.parse(text)
    except ValueError as mistake:
        return str(mistake)


@given(TEXT)
def test_any_text_is_a_room_or_one_sentence(text: str) -> None:
    room = read(text)
    if isinstance(room, Room):
        for key, (least, most, _) in RANGES.items():
            value = getattr(room, key)
            assert value is None or least <= value <= most
    else:
        assert room.strip()
        assert "\n" not in room
        assert any(key in room for key in RANGES), "it names what there is"


@given(*(st.one_of(st.none(), st.floats(*RANGES[key][:2])) for key in ("echo", "delay", "noise", "drift")))
def test_every_room_can_be_written_and_read(
    echo: float | None, delay: float | None, noise: float | None, drift: float | None
) -> None:
    given = {"echo": echo, "delay": delay, "noise": noise, "drift": drift}
    asked = {key: value for key, value in given.items() if value is not None}
    if asked:
        assert Room.parse(", ".join(f"{key} = {value!r}" for key, value in asked.items())) == Room(**asked)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no '' in a room; there are echo, delay, noise and drift"),
        ("ecko=-6", "there is no 'ecko' in a room; did you mean echo?"),
        ("echo=-6,echo=-6", "echo is given twice"),
        ("echo", "echo must be a number from -60 to 20 (dB), not ''"),
        ("delay=4", "delay must be a number from 5 to 500 (ms), not '4'"),
        ("noise=loud", "noise must be a number from -90 to -20 (dBFS), not 'loud'"),
        ("noise=nan", "noise must be a number from -90 to -20 (dBFS), not 'nan'"),
        ("echo=-6,drift=501", "drift must be a number from -500 to 500 (ppm), not '501'"),
    ],
)
def test_each_mistake_in_a_room_says_what_it_may_be(text: str, sentence: str) -> None:
    assert read(text) == sentence

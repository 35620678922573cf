"""A Piper voice that is cut, and speaks a sentence piece by piece."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from toy_models import noted_sessions, toy_piper

from companion.audio import Audio, Speech
from companion.saying import Saying
from models import piper_graph
from models.piper import Piper
from models.piper_cuts import Cuts, Parts
from models.piper_stages import (
    DECODER,
    EXACT,
    FLOW,
    LARGEST,
    LATE,
    LATELY,
    SHORTEST,
    SLOW,
    SLOWEST,
    FirstPart,
    Floats,
    Gain,
    Pieces,
    Session,
    Speed,
    Stage,
    bounds,
    measured,
)
from models.random_piper import MEDIUM, SMALL, random_piper

SENTENCE = "The weather was fine, so we walked along."
"""Of some 3 s."""

Make = Callable[[Path], Path]

CAN_BE_CUT: dict[str, Make] = {
    "plain": lambda folder: random_piper(folder, shape=SMALL),
    "several speakers": lambda folder: random_piper(folder, shape=SMALL, speakers=3),
    "telling durations": lambda folder: random_piper(folder, shape=SMALL, durations=True),
}


@pytest.fixture(params=CAN_BE_CUT.values(), ids=CAN_BE_CUT)
def onnx(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: Path = request.param(tmp_path)
    return made


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return CAN_BE_CUT["plain"](tmp_path)


@pytest.fixture
def cuts(tmp_path: Path) -> Path:
    return tmp_path / "cuts"


async def said(voice: Piper, text: str = SENTENCE) -> list[Speech]:
    async with aclosing(voice.speak(text)) as pieces:
        return [piece async for piece in pieces]


def pieces(voice: Piper, text: str = SENTENCE) -> list[Speech]:
    return asyncio.run(said(voice, text))


def sound(voice: Piper, text: str = SENTENCE) -> Audio:
    return Audio.join(pieces(voice, text))


def same(one: Audio, other: Audio) -> bool:
    return one.rate == other.rate and np.array_equal(one.samples, other.samples)


def inputs(ids: int, speaker: int | None, noise: float = 0.0) -> dict[str, Any]:
    """For the whole voice, or for its first part: a sentence of so many ids."""
    several = {} if speaker is None else {"sid": np.array([speaker])}
    return {
        "input": np.random.default_rng(ids).integers(0, 100, (1, ids)),
        "input_lengths": np.array([ids]),
        "scales": np.array([noise, 1.0, 0.0], dtype=np.float32),
        **several,
    }


def parted(onnx: Path, cuts: Path, speaker: int | None) -> tuple[Parts, Session]:
    """A voice in parts, and the whole one."""
    whole = onnxruntime.InferenceSession(onnx)

    def tried(sessions: Sequence[Session]) -> Parts:
        first = FirstPart(sessions)
        first.run(None, inputs(100, speaker))
        assert first.sentence
        expected = whole.run(None, inputs(100, speaker))[0].reshape(-1)
        measures, error = measured(sessions, first.sentence, expected)
        return Parts(sessions, measures, 1.0, error)

    return Cuts(cuts).parts(onnx, onnxruntime.InferenceSession, tried), whole


@pytest.mark.parametrize(("speakers", "speaker"), [(1, None), (3, 0), (3, 2)])
def test_a_sentence_of_any_length_is_the_same_in_pieces(
    tmp_path: Path, cuts: Path, speakers: int, speaker: int | None
) -> None:
    parts, whole = parted(random_piper(tmp_path, shape=SMALL, speakers=speakers), cuts, speaker)
    first = FirstPart(parts.sessions)
    shortest = list(bounds(900, *(measures.reach for measures in reversed(parts.measures))))[1]
    for ids in (1, 2, 3, 6, 7, 8, 14, 23, 60, 150):
        first.run(None, inputs(ids, speaker))
        assert first.sentence
        made = list(Pieces(parts.sessions, parts.measures).of(first.sentence))
        expected = whole.run(None, inputs(ids, speaker))[0].reshape(-1)
        assert expected.std() > 0.001
        assert np.abs(np.concatenate(made) - expected).max() < EXACT
        assert (len(made) == 1) is (first.sentence.frames <= shortest)


def test_flow_and_decoder_see_just_as_many_frames_around_as_they_look(plain: Path, cuts: Path) -> None:
    parts, _ = parted(plain, cuts, None)
    flow, decoder = parts.measures
    assert (flow.hop, flow.reach) == (1, 2)  # a single layer that looks at five
    assert (decoder.hop, decoder.reach) == (MEDIUM.hop, 11)


def test_seeing_less_would_be_heard(plain: Path, cuts: Path) -> None:
    parts, whole = parted(plain, cuts, None)
    first = FirstPart(parts.sessions)
    first.run(None, inputs(60, None))
    assert first.sentence
    flow, decoder = parts.measures
    less = type(decoder)(decoder.hop, decoder.reach - 3)
    made = np.concatenate(list(Pieces(parts.sessions, [flow, less]).of(first.sentence)))
    assert np.abs(made - whole.run(None, inputs(60, None))[0].reshape(-1)).max() > EXACT


def test_the_noise_is_that_of_the_whole_sentence(plain: Path, cuts: Path) -> None:
    parts, _ = parted(plain, cuts, None)
    first = FirstPart(parts.sessions)
    first.run(None, inputs(60, None, noise=0.667))
    one = first.sentence
    first.run(None, inputs(60, None, noise=0.667))
    assert one
    assert first.sentence
    made = Pieces(parts.sessions, parts.measures)
    once, twice, other = (np.concatenate(list(made.of(each))) for each in (one, one, first.sentence))
    assert np.array_equal(once, twice)
    assert not np.array_equal(once, other)


def test_a_voice_in_pieces_says_the_same_as_a_whole_one(onnx: Path, cuts: Path) -> None:
    whole, ours = Piper(onnx), Piper(onnx, cuts=cuts)
    one, other = sound(whole), sound(ours)
    assert ours.remark == ""
    assert ours.error is not None
    assert ours.error < EXACT
    assert len(pieces(whole)) == 1
    assert len(pieces(ours)) > 2
    assert one.seconds == other.seconds


@pytest.mark.parametrize("speaker", [0, 2])
def test_every_speaker_has_his_own_pieces(tmp_path: Path, cuts: Path, speaker: int) -> None:
    onnx = random_piper(tmp_path, shape=SMALL, speakers=3, noise=0.0)
    quiet = sound(Piper(onnx, speaker=speaker, cuts=cuts)).samples.astype(float)
    whole = sound(Piper(onnx, speaker=speaker)).samples.astype(float)
    assert np.corrcoef(quiet, whole)[0, 1] > 0.98  # but for the loudness
    assert np.corrcoef(quiet, sound(Piper(onnx, speaker=1)).samples)[0, 1] < 0.9


def test_the_first_piece_has_the_times_of_all_words(tmp_path: Path, cuts: Path) -> None:
    onnx = random_piper(tmp_path, shape=SMALL, durations=True)
    (whole,), parts = pieces(Piper(onnx)), pieces(Piper(onnx, cuts=cuts))
    assert parts[0].words == whole.words
    assert all(not piece.words for piece in parts[1:])
    assert parts[0].words[-1].ends > parts[0].seconds


def test_a_voice_that_keeps_its_durations_to_itself_tells_them_when_it_is_cut(tmp_path: Path, cuts: Path) -> None:
    telling = random_piper(tmp_path / "telling", shape=SMALL, durations=True)
    silent = random_piper(tmp_path / "silent", shape=SMALL)
    assert pieces(Piper(silent, cuts=cuts))[0].words == pieces(Piper(telling))[0].words


def test_of_a_sentence_of_which_only_the_first_piece_was_made_no_more_counts_than_was_heard(
    plain: Path, cuts: Path
) -> None:
    first, *_ = pieces(Piper(plain, cuts=cuts), "I walked along.")
    saying = Saying("reply")
    saying.add("I walked along.", 0.0, first)
    saying.heard(first.seconds, whole=False)
    assert saying.words == "I —"


def test_every_sentence_has_its_pieces(plain: Path, cuts: Path) -> None:
    voice = Piper(plain, cuts=cuts)
    text = f"{SENTENCE} Did you sleep well? I had a dream."
    assert sum(bool(piece.words) for piece in pieces(voice, text)) == 3
    assert [word.upto for piece in pieces(voice, text) for word in piece.words][-1] == len(text)


class Watched:
    """Counts what flows and decoders do; it can stop them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        self.entered = threading.Event()
        self.open = threading.Event()
        self.open.set()
        genuine = Stage.over

        def over(*arguments: Any) -> Floats:
            self.runs += 1
            self.entered.set()
            assert self.open.wait(30)
            return genuine(*arguments)

        monkeypatch.setattr(Stage, "over", over)


def test_the_first_piece_comes_before_the_others_are_made_and_closing_leaves_them(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Piper(plain, cuts=cuts)
    asyncio.run(voice.load())
    watched = Watched(monkeypatch)

    async def close_after_the_first() -> None:
        async with aclosing(voice.speak(SENTENCE)) as spoken:
            first = await anext(spoken)
        assert SHORTEST * MEDIUM.hop / first.rate < first.seconds < 0.4
        await voice.load()  # whatever still had to be done in the thread is done now
        assert watched.runs == 2  # flow and decoder, once
        assert len(await said(voice)) > 2

    asyncio.run(close_after_the_first())


def test_a_sentence_cancelled_in_the_middle_ends_after_the_piece_it_is_at(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Piper(plain, cuts=cuts)
    watched = Watched(monkeypatch)

    async def cancel() -> None:
        spoken = voice.speak(SENTENCE)
        await anext(spoken)
        made = watched.runs
        watched.entered.clear()
        watched.open.clear()
        dropped = asyncio.ensure_future(anext(spoken))
        await asyncio.to_thread(watched.entered.wait, 30)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        watched.open.set()
        await voice.load()
        assert watched.runs == made + 2
        assert len(await said(voice)) > 2

    asyncio.run(cancel())


def test_phrases_that_take_turns_do_not_mix(tmp_path: Path, cuts: Path) -> None:
    texts = [SENTENCE, "I had a dream of a blue whale, and it was singing."]
    onnx = random_piper(tmp_path, shape=SMALL, noise=0.0)
    apart = [sound(Piper(onnx, cuts=cuts), text) for text in texts]

    async def together() -> list[list[Speech]]:
        voice = Piper(onnx, cuts=cuts)
        return await asyncio.gather(*(said(voice, text) for text in texts))

    for one, other in zip(apart, map(Audio.join, asyncio.run(together())), strict=True):
        assert np.corrcoef(one.samples, other.samples)[0, 1] > 0.99  # but for the loudness


def test_the_same_phrases_sound_the_same_whether_it_was_cut_just_now_or_before(plain: Path, cuts: Path) -> None:
    def spoken(seed: int) -> list[Audio]:
        onnxruntime.set_seed(seed)
        voice = Piper(plain, cuts=cuts)
        return [sound(voice), sound(voice, "Good night."), sound(voice)]

    first = spoken(10)
    assert not same(first[0], first[2])  # a rustle
    assert all(map(same, first, spoken(20)))


def test_all_parts_keep_a_core_for_the_audio_and_burn_none(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(Piper(plain, cuts=cuts).load())
    loaded = noted_sessions(monkeypatch)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    asyncio.run(Piper(plain, cuts=cuts).load())
    assert len(loaded) == 3
    assert all(options.intra_op_num_threads == 3 for options in loaded)
    assert all(options.get_session_config_entry("session.intra_op.allow_spinning") == "0" for options in loaded)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (toy_piper, "has no decoder like HiFi-GAN's"),
        (lambda folder: random_piper(folder, shape=SMALL, everywhere=True), "looks at the whole sentence"),
    ],
)
def test_a_voice_that_cannot_be_cut_speaks_whole_sentences_and_is_not_tried_again(
    tmp_path: Path, cuts: Path, make: Make, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = make(tmp_path)
    expected = sound(Piper(onnx))
    for _ in range(2):
        voice = Piper(onnx, cuts=cuts)
        assert same(sound(voice), expected)
        assert reason in voice.remark
        assert voice.error is None
        monkeypatch.setattr("onnx.load", None)


def test_a_voice_whose_pieces_differ_speaks_whole_sentences(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.piper_stages.EXACT", 0.0)
    voice = Piper(plain, cuts=cuts)
    assert len(pieces(voice)) == 1
    assert "its pieces differ from the whole" in voice.remark


def test_a_voice_whose_flow_cannot_be_cut_off_is_cut_before_the_decoder_alone(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piper_graph, "_noised", lambda graph, latent: None)
    parts, whole = parted(plain, cuts, None)
    first = FirstPart(parts.sessions)
    first.run(None, inputs(60, None))
    assert first.sentence
    made = np.concatenate(list(Pieces(parts.sessions, parts.measures).of(first.sentence)))
    assert len(parts.sessions) == 2
    assert np.abs(made - whole.run(None, inputs(60, None))[0].reshape(-1)).max() < EXACT


def test_without_the_package_it_is_cut_with_it_speaks_whole_sentences(
    plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    voice = Piper(plain, cuts=cuts)
    assert len(pieces(voice)) == 1
    assert "could not be cut" in voice.remark


def kept(cuts: Path) -> list[Path]:
    """The parts, and what is known of them."""
    return sorted(cuts.iterdir())


def test_it_is_cut_once(plain: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = sound(Piper(plain, cuts=cuts))
    assert not list(cuts.glob(".*"))
    assert [file.name.partition(".")[2] for file in kept(cuts)] == ["0.onnx", "1.onnx", "2.onnx", "json"]
    monkeypatch.setattr("onnx.load", None)
    assert same(sound(Piper(plain, cuts=cuts)), expected)


@pytest.mark.parametrize("file", range(4))
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-9] + bytes(9),
        lambda content: b"[1]",
        lambda content: None,
    ],
    ids=["empty", "half", "a few bytes", "something else", "gone"],
)
def test_what_was_damaged_is_made_anew(
    plain: Path, cuts: Path, file: int, damage: Callable[[bytes], bytes | None]
) -> None:
    expected = sound(Piper(plain, cuts=cuts))
    whole = [each.read_bytes() for each in kept(cuts)]
    damaged = damage(whole[file])
    if damaged is None:
        kept(cuts)[file].unlink()
    else:
        kept(cuts)[file].write_bytes(damaged)
    voice = Piper(plain, cuts=cuts)
    assert same(sound(voice), expected)
    assert voice.remark == ""
    assert [each.read_bytes() for each in kept(cuts)] == whole


def test_the_parts_of_another_voice_are_not_used(tmp_path: Path, cuts: Path) -> None:
    onnx = random_piper(tmp_path, shape=SMALL)
    before = sound(Piper(onnx, cuts=cuts))
    random_piper(tmp_path, shape=SMALL, speakers=3)  # in its place
    voice = Piper(onnx, cuts=cuts)
    assert not same(sound(voice), before)
    assert voice.remark == ""
    assert len(kept(cuts)) == 4


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_on_a_full_disk_it_speaks_whole_sentences_and_leaves_nothing(
    plain: Path, cuts: Path, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    genuine = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        genuine(descriptor)

    monkeypatch.setattr("os.fsync", full)
    voice = Piper(plain, cuts=cuts)
    assert len(pieces(voice)) == 1
    assert "No space left on device" in voice.remark
    assert not list(cuts.glob(".*"))
    voice = Piper(plain, cuts=cuts)
    assert len(pieces(voice)) > 2  # there is room again


def test_where_no_folder_can_be_made_it_speaks_whole_sentences(plain: Path, cuts: Path) -> None:
    cuts.write_text("in the way")
    voice = Piper(plain, cuts=cuts)
    assert len(pieces(voice)) == 1
    assert "could not be cut" in voice.remark


def test_two_processes_may_cut_it_at_once(plain: Path, cuts: Path) -> None:
    script = (
        "import asyncio; from pathlib import Path; from models.piper import Piper;"
        f"voice = Piper(Path({str(plain)!r}), cuts=Path({str(cuts)!r})); asyncio.run(voice.load());"
        "print(voice.remark or 'in pieces')"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["in pieces"] * 2
    assert len(kept(cuts)) == 4
    assert len(pieces(Piper(plain, cuts=cuts))) > 2


def test_two_characters_with_one_voice_may_cut_it_at_once(plain: Path, cuts: Path) -> None:
    voices = [Piper(plain, cuts=cuts) for _ in range(2)]

    async def both() -> list[list[Speech]]:
        return await asyncio.gather(*map(said, voices))

    one, other = map(Audio.join, asyncio.run(both()))
    assert same(one, other)
    assert [voice.remark for voice in voices] == ["", ""]


@pytest.mark.parametrize("factor", [0.05, 0.2, SLOWEST, 0.5])
@pytest.mark.parametrize(("decoder", "flow"), [(11, 32), (14, 32), (11, 0), (14, 0)])
def test_on_a_slow_machine_each_piece_is_ready_when_the_one_before_it_ends(
    decoder: int, flow: int, factor: float
) -> None:
    for frames in range(1, 1200):
        ends = list(bounds(frames, decoder, flow, factor))
        assert ends[0] == 0
        assert ends[-1] == frames
        ready, sounds, latent = 0.0, 0.0, 0
        for begin, end in pairwise(ends):
            wanted = min(frames, end + decoder)
            seen = min(frames, end + decoder) - max(0, begin - decoder)
            flowed = min(frames, wanted + flow) - max(0, latent - flow) if flow and wanted > latent else 0
            ready += 1.25 * factor * (DECODER * seen + FLOW * flowed)
            assert not begin or ready + LATE <= sounds + 0.5  # half a frame is 6 ms
            sounds = sounds or ready
            sounds += end - begin
            latent = wanted
            assert end - begin <= 1.5 * LARGEST


def test_a_machine_that_is_slower_than_the_sound_makes_whole_sentences() -> None:
    assert list(bounds(900, 14, 32, 1.0)) == [0, 900]


def test_a_slow_machine_begins_with_longer_pieces_the_slower_the_longer() -> None:
    first = [list(bounds(900, 14, 32, factor))[1] for factor in (0.05, 0.2, SLOWEST, 0.5, 0.65, 0.8)]
    assert first[0] == SHORTEST
    assert first == sorted(first)
    assert first[2] < 40
    assert first[-1] == SLOW


def test_how_fast_a_machine_is_shows_in_what_it_made_lately() -> None:
    now = 0.0
    speed = Speed(0.01, lambda: now)

    def make(frames: int, seconds: float) -> None:
        nonlocal now
        with speed.measuring(frames):
            now += seconds

    for _ in range(LATELY - 2):
        make(100, 0.1)
        assert speed.factor == SLOWEST, "it is not known yet"
    make(100, 0.1)
    assert speed.factor == pytest.approx(0.1)
    make(100, 9.0)
    assert speed.factor == pytest.approx(0.1), "what disturbs it once does not count"
    make(100, 0.8)
    assert speed.factor == pytest.approx(0.8)


def test_a_voice_on_a_slow_machine_says_the_same_in_fewer_pieces(plain: Path, cuts: Path) -> None:
    now = itertools.count()
    quick, slow = Piper(plain, cuts=cuts), Piper(plain, cuts=cuts, timer=lambda: float(next(now)))
    said = [pieces(voice) for voice in (quick, slow) for _ in range(2)]
    assert len(said[3]) < len(said[2]) == len(said[0])
    one, other = (Audio.join(made).samples.astype(int) for made in (said[1], said[3]))
    assert len(one) == len(other)
    assert np.abs(one - other).max() <= 1


class TestGain:
    def test_what_is_as_loud_as_before_is_made_as_loud_as_can_be(self) -> None:
        samples = np.array([0.25, -0.5, 0.5, 0.0], dtype=np.float32)
        assert Gain(0.5).applied(samples).tolist() == [16383, -32767, 32767, 0]

    def test_what_becomes_louder_is_not_clipped_and_nothing_jumps(self) -> None:
        gain = Gain(0.25)
        samples = np.concatenate([np.full(1000, 0.2), np.linspace(0.2, 0.8, 500), np.linspace(0.8, 0.1, 500)])
        made = np.concatenate([gain.applied(each.astype(np.float32)) for each in np.split(samples, 4)])
        assert np.abs(np.diff(made.astype(int))).max() < 500
        assert made.max() < 32767.5
        assert gain.applied(np.full(3, 0.8, dtype=np.float32)).tolist() == [32767] * 3

    def test_it_never_goes_up_again(self) -> None:
        gain = Gain(0.25)
        gain.applied(np.array([0.5], dtype=np.float32))
        quiet = np.full(100, 0.25, dtype=np.float32)
        assert [gain.applied(quiet).tolist() for _ in range(3)] == [[16383] * 100] * 3

    def test_silence_stays_silence(self) -> None:
        assert not Gain(0.0).applied(np.zeros(10, dtype=np.float32)).any()

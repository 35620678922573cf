"""Recordings of any common format become 16 kHz mono, a little at a time."""

from __future__ import annotations

import struct
import tracemalloc
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from companion.audio import RATE, Samples
from companion.errors import DeviceError
from device.recording import Recording

PITCH = 440
"""Hertz of the tone in every file here."""

HEIGHT = 8_000
"""Its loudest sample, of 32,768."""


def tone(seconds: float, rate: int) -> Samples:
    return (HEIGHT * np.sin(2 * np.pi * PITCH / rate * np.arange(round(seconds * rate)))).astype(np.int16)


def make(path: Path, kind: str, codec: str, rate: int, layout: str, seconds: float = 1.0) -> Path:
    """A tone in a file of this kind; the right side of stereo is silent."""
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        left = tone(seconds, rate)
        sides = [left] if layout == "mono" else [left, np.zeros_like(left)]
        frame = av.AudioFrame.from_ndarray(np.stack(sides, axis=1).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 1024
        form = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
        for piece in (*form.resample(frame), *form.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def pcm(path: Path, seconds: float = 1.0, rate: int = RATE) -> Path:
    """A 16-bit WAV, as the standard library writes it: 44 bytes of header."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone(seconds, rate).tobytes())
    return path


def all_of(recording: Recording) -> Samples:
    return np.concatenate(list(recording.samples()))


def pitch(samples: Samples) -> float:
    """Hertz of the loudest tone."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.argmax(spectrum)) * RATE / len(samples)


def height(samples: Samples) -> float:
    """Loudest sample, without the edges, where a codec may ring."""
    return float(np.abs(samples[2_000:-2_000]).max())


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_a_wav_of_any_width_rate_and_sides_is_read(tmp_path: Path, codec: str, rate: int, layout: str) -> None:
    recording = Recording(make(tmp_path / "a.wav", "wav", codec, rate, layout))
    samples = all_of(recording)
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(RATE, abs=1), "to the last sample"
    assert pitch(samples) == pytest.approx(PITCH, abs=2)
    assert height(samples) == pytest.approx(HEIGHT if layout == "mono" else HEIGHT / 2, rel=0.05)
    assert recording.warning is None
    assert recording.text is None


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize(
    ("kind", "codec", "rate"),
    [
        ("flac", "flac", 16_000),
        ("flac", "flac", 44_100),
        ("mp3", "libmp3lame", 22_050),
        ("mp3", "libmp3lame", 44_100),
        ("ogg", "libopus", 48_000),
        ("ipod", "aac", 44_100),
        ("aiff", "pcm_s16be", 44_100),
        ("au", "pcm_mulaw", 8_000),
    ],
)
def test_other_formats_are_read_too(tmp_path: Path, kind: str, codec: str, rate: int, layout: str) -> None:
    recording = Recording(make(tmp_path / "a", kind, codec, rate, layout))
    samples = all_of(recording)
    assert len(samples) == pytest.approx(RATE, abs=0.1 * RATE), "some codecs add a frame of their own"
    assert pitch(samples) == pytest.approx(PITCH, abs=3)
    assert height(samples) == pytest.approx(HEIGHT if layout == "mono" else HEIGHT / 2, rel=0.15)
    assert recording.warning is None


def test_at_the_rate_of_the_ears_nothing_is_changed(tmp_path: Path) -> None:
    assert np.array_equal(all_of(Recording(pcm(tmp_path / "a.wav"))), tone(1.0, RATE))


def test_each_time_it_is_asked_it_begins_at_the_beginning(tmp_path: Path) -> None:
    recording = Recording(make(tmp_path / "a.wav", "wav", "pcm_s16le", 44_100, "stereo"))
    half_read = recording.samples()
    next(half_read)
    assert np.array_equal(all_of(recording), all_of(recording))


def test_files_stuck_together_are_read_one_after_the_other(tmp_path: Path) -> None:
    one = make(tmp_path / "1.mp3", "mp3", "libmp3lame", 44_100, "mono")
    other = make(tmp_path / "2.mp3", "mp3", "libmp3lame", 44_100, "stereo")
    both = tmp_path / "both.mp3"
    both.write_bytes(one.read_bytes() + other.read_bytes())
    samples = all_of(Recording(both))
    assert len(samples) > 0.9 * RATE
    assert pitch(samples[:RATE]) == pytest.approx(PITCH, abs=3)


@pytest.mark.parametrize("name", ["12:30.wav", "http:a.wav", "file:a.wav", "-a.wav", "a b'c.wav", "猫.wav", "%d.wav"])
def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    pcm(tmp_path / name)
    assert len(all_of(Recording(Path(name)))) == RATE


def test_a_wav_that_is_cut_short_is_used_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = pcm(tmp_path / "a.wav", seconds=2.0)
    path.write_bytes(path.read_bytes()[: 44 + RATE])  # half a second, of two
    recording = Recording(path)
    assert len(all_of(recording)) == RATE / 2
    assert recording.warning == f"{path}: is cut short after 25%; used as far as it goes"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_does_not_know_its_size_and_is_whole(tmp_path: Path, size: int) -> None:
    path = pcm(tmp_path / "a.wav")
    content = path.read_bytes()
    path.write_bytes(content[:40] + struct.pack("<I", size) + content[44:])
    recording = Recording(path)
    assert recording.warning is None
    assert len(all_of(recording)) == pytest.approx(RATE, abs=1)


def test_a_wav_with_more_in_its_header_than_it_needs_is_whole(tmp_path: Path) -> None:
    path = pcm(tmp_path / "a.wav")
    content = path.read_bytes()
    path.write_bytes(content[:36] + b"LIST" + struct.pack("<I", 5) + b"made\0\0" + content[36:])
    recording = Recording(path)
    assert recording.warning is None
    assert np.array_equal(all_of(recording), tone(1.0, RATE))


def test_a_recording_that_is_damaged_is_used_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = make(tmp_path / "a.flac", "flac", "flac", RATE, "mono", seconds=4.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = Recording(path)
    samples = all_of(recording)
    assert 0 < len(samples) < 3 * RATE
    assert recording.warning is not None
    assert recording.warning.startswith(f"{path}: is damaged after ")


def test_a_header_without_sound_is_refused(tmp_path: Path) -> None:
    path = pcm(tmp_path / "a.wav", seconds=0.0)
    with pytest.raises(DeviceError, match=r"a\.wav: holds no sound"):
        Recording(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello there, this is no recording", b"RIFF", b"\0" * 1000, b"\xff" * 1000, b"ID3", b"#EXTM3U\na.wav"],
)
@pytest.mark.parametrize("name", ["a.wav", "a.txt", "a.mp3"])
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DeviceError) as caught:
        Recording(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_and_a_folder_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"none\.wav: there is no such file"):
        Recording(tmp_path / "none.wav")
    with pytest.raises(DeviceError, match=r"is not a recording that can be read \(Is a directory\)"):
        Recording(tmp_path)


def test_a_picture_holds_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(DeviceError, match="holds no sound"):
        Recording(path)


def long_wav(path: Path, minutes: int) -> Path:
    """A WAV written minute by minute, so that making it takes little memory too."""

    def sound() -> Iterator[bytes]:
        minute = tone(60.0, RATE).tobytes()
        for _ in range(minutes):
            yield minute

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for piece in sound():
            file.writeframes(piece)
    return path


def test_a_long_recording_is_read_a_little_at_a_time(tmp_path: Path) -> None:
    path = long_wav(tmp_path / "a.wav", minutes=10)
    tracemalloc.start()
    try:
        recording = Recording(path)
        read = sum(len(piece) for piece in recording.samples())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 600 * RATE
    assert most < 1_000_000, "bytes; the file has 19 million"

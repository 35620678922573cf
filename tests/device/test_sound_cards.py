"""Finding a device by its name, and what is said when that fails."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from companion.errors import DeviceError
from device.sound_cards import Line, PortAudio, find


def card(name: str, inputs: int = 1, outputs: int = 1, hostapi: int = 0) -> dict[str, Any]:
    return {"name": name, "hostapi": hostapi, "max_input_channels": inputs, "max_output_channels": outputs}


CARDS = [
    card("bcm2835 Headphones: - (hw:0,0)", inputs=0),
    card("seeed-2mic-voicecard: bcm2835-i2s-wm8960-hifi wm8960-hifi-0 (hw:1,0)", 2, 2),
    card("USB Audio Device: - (hw:2,0)"),
    card("USB PnP Sound Device: - (hw:3,0)", outputs=0),
    card("pulse", 32, 32),
    card("pulse_mirror", 32, 32),
]


def test_no_name_means_the_default_device() -> None:
    assert find(None, "input", CARDS) is None
    assert find(None, "output", []) is None


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("usb audio", 2),
        ("PnP", 3),
        ("hw:1,0", 1),
        ("pulse", 4),  # exactly right, though it is a part of another one too
        ("PULSE", 4),
        ("seeed2micvoicec", 1),  # the card's id in ALSA
        ("USB PnP Sound Device: - (hw:1,0)", 3),  # it was the first card when that was written
    ],
)
def test_a_part_of_the_name_finds_the_device(name: str, index: int) -> None:
    assert find(name, "input", CARDS) == index


def test_the_host_api_tells_devices_of_one_name_apart() -> None:
    twice = [card("Speakers"), card("Speakers", hostapi=1)]
    assert find("speakers, jack", "output", twice, ["ALSA", "JACK Audio"]) == 1
    with pytest.raises(DeviceError, match='"Speakers, ALSA", "Speakers, JACK Audio"'):
        find("speakers", "output", twice, ["ALSA", "JACK Audio"])


def test_of_two_cards_of_one_name_that_are_found_in_another_order_neither_is_guessed() -> None:
    with pytest.raises(DeviceError, match="means more than one"):
        find("USB: - (hw:1,0)", "input", [card("USB: - (hw:2,0)"), card("USB: - (hw:3,0)")])


def test_only_devices_of_the_kind_count() -> None:
    assert find("usb", "output", CARDS) == 2
    with pytest.raises(DeviceError, match="no input device"):
        find("headphones", "input", CARDS)


def test_several_matches_are_named_with_a_hint() -> None:
    with pytest.raises(DeviceError) as error:
        find("usb", "input", CARDS)
    assert "USB Audio Device" in str(error.value)
    assert "USB PnP Sound Device" in str(error.value)
    assert "more of the name" in str(error.value)
    assert "seeed" not in str(error.value)


def test_what_there_is_is_named_when_nothing_matches() -> None:
    with pytest.raises(DeviceError, match=r'named "jabra"; there is "bcm2835 Headphones.*"pulse"'):
        find("jabra", "output", CARDS)
    with pytest.raises(DeviceError, match="there is none at all"):
        find("jabra", "output", [])


@pytest.mark.parametrize("name", ["", "-", "麦克风"])
def test_a_name_without_letters_means_no_device_by_accident(name: str) -> None:
    with pytest.raises(DeviceError):
        find(name, "input", [card("USB"), card("Mic")])


class Stream:
    """What sounddevice would make."""

    active = True

    def __init__(self) -> None:
        self.closed = False

    def start(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Library:
    """sounddevice, with one device that takes only what it is told to take."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *takes: tuple[int, int], most: int = 2, own: float = 48_000.0) -> None:
        self.takes = takes
        self.device = card("Toy", most, most) | {"default_samplerate": own}
        self.restarts = 0

    def query_devices(self, device: int | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return [self.device]
        if not self.takes:
            raise self.PortAudioError("Error querying device -1")
        return self.device

    def query_hostapis(self) -> Any:
        return [{"name": "ALSA"}]

    def check_input_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        if (samplerate, channels) not in self.takes:
            raise self.PortAudioError("Invalid sample rate")

    def _initialize(self) -> None:
        self.restarts += 1

    def _terminate(self) -> None:
        pass

    def _exit_handler(self) -> None:
        """What it would have done at exit."""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library((48_000, 1))
    monkeypatch.setitem(sys.modules, "sounddevice", made)  # type: ignore[arg-type]
    return made


def line(cards: PortAudio, name: str | None = "toy", *, spare: bool = True) -> Line:
    return Line(cards, "input", name, lambda sd, form: Stream(), lambda: spare)


@pytest.mark.parametrize(
    ("takes", "most", "opened"),
    [
        ([(48_000, 1), (48_000, 2), (16_000, 1)], 2, (48_000, 2)),
        ([(48_000, 1), (44_100, 2)], 2, (48_000, 1)),
        ([(48_000, 1), (48_000, 2), (48_000, 6)], 6, (48_000, 1)),
        ([(48_000, 1), (48_000, 2)], 32, (48_000, 1)),
        ([(48_000, 2), (44_100, 1)], 2, (48_000, 2)),
        ([(44_100, 2), (16_000, 1)], 2, (44_100, 2)),
        ([(16_000, 6)], 6, (16_000, 6)),
    ],
)
def test_a_device_is_opened_as_near_to_its_own_rate_as_it_can_a_stereo_one_with_both_channels(
    library: Library, takes: list[tuple[int, int]], most: int, opened: tuple[int, int]
) -> None:
    library.takes = tuple(takes)
    library.device["max_input_channels"] = most
    form = PortAudio().open(line(PortAudio()))
    assert (form.rate, form.channels) == opened


def test_what_was_tried_is_said_when_a_device_takes_nothing(library: Library) -> None:
    library.takes = ((8_000, 1),)
    with pytest.raises(DeviceError, match=r'"Toy" takes none of 48000 Hz x 2, .*16000 Hz x 1: Invalid sample rate'):
        PortAudio().open(line(PortAudio()))


def test_a_machine_without_a_microphone_says_so(library: Library) -> None:
    library.takes = ()
    with pytest.raises(DeviceError, match="there is no input device"):
        PortAudio().open(line(PortAudio(), name=None))


def test_after_a_failure_portaudio_is_started_again_and_the_others_are_spared(library: Library) -> None:
    cards = PortAudio()
    failing, other = line(cards), line(cards)
    cards.open(failing)
    cards.open(other)
    assert library.restarts == 0
    cards.close(failing, failed=True)
    cards.open(failing)
    assert library.restarts == 1
    assert not other.is_open
    assert other.stream.closed
    cards.open(other)
    assert library.restarts == 1


def test_a_stream_that_cannot_be_spared_is_left_alone_while_it_lives(library: Library) -> None:
    cards = PortAudio()
    failing, other = line(cards), line(cards, spare=False)
    cards.open(other)
    cards.open(failing)
    cards.close(failing, failed=True)
    cards.open(failing)
    assert other.is_open
    assert library.restarts == 0
    cards.close(failing, failed=True)
    other.stream.active = False
    cards.open(failing)
    assert library.restarts == 1


def test_without_the_library_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, *more: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(DeviceError, match="install libportaudio2"):
        PortAudio().open(line(PortAudio()))

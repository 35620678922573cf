"""This file finds sound cards by name, opens them at what they natively do, and is the only door to PortAudio."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from companion.errors import DeviceError

URGENCY = 5
"""Real-time priority of a callback's thread, where the system grants one. Without it that thread came up to 0.13 s
late while speech-to-text had two cores, and there were gaps; with it 0.05 s [tried]."""

Kind = Literal["input", "output"]

OPENING_SECONDS = 5.0
"""A sound server that hangs is given so long to open a device."""

CLOSING_SECONDS = 0.5
"""And so long to close one; it may finish that later, but before it opens the next."""

RATES = (48_000, 44_100, 16_000)
"""Hertz, tried in this order where a device refuses the rate it calls its own."""

MOST_CHANNELS = 8
"""Microphone arrays that give only all their channels at once have 4 to 8; "32" is a sound server's, and invented."""

UNAVAILABLE = -9985
"""PortAudio's paDeviceUnavailable, which with ALSA means EBUSY and nothing else."""

LEAVING_SECONDS = 0.1
"""More than a thread that has nothing left to do needs to end."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Format:
    """Which device is opened, and how: int16 at `rate` Hertz, `channels` interleaved."""

    device: int | None
    """PortAudio's index; None is its default."""
    name: str
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Device:
    """A sound card, or what a sound server shows as one."""

    index: int
    name: str
    host: str
    """Through which of PortAudio's ways it is reached, such as "ALSA"."""
    channels: int
    """At most."""
    rates: tuple[int, ...]
    """Hertz, of those that are of use; the first is its own. None while another program uses it."""


def find(
    name: str | None, kind: Kind, devices: Sequence[Mapping[str, Any]], host_apis: Sequence[str] = ()
) -> int | None:
    """The index of the one `kind` of device that `name` means; None, the default device, for None.

    `devices` are those of `sounddevice.query_devices()`. A name that is exactly right wins. Else it is part of
    "device, host API", whatever the case; else so without the punctuation: a card's id in ALSA, by which boards
    are known, is its name without that, cut to 15 letters; else so without the card's number, which changes with the
    order in which cards are found. Raises DeviceError for none and for several.
    """
    if name is None:
        return None
    known = {index: str(device["name"]) for index, device in enumerate(devices) if device[f"max_{kind}_channels"] > 0}

    def whole(index: int) -> str:
        api = devices[index].get("hostapi", len(host_apis))
        return f"{known[index]}, {host_apis[api]}" if api < len(host_apis) else known[index]

    matches: list[int] = []
    for ways in (str.strip, str.lower, _letters, lambda name: _letters(unnumbered(name))):
        asked = ways(name)
        exact = [index for index in known if asked in (ways(known[index]), ways(whole(index)))]
        parts = [index for index in known if asked and asked in ways(whole(index))]
        matches = exact or (parts if ways is not str.strip else [])
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    if matches:
        several = _quoted(whole(index) for index in matches)
        raise DeviceError(f'"{name}" means more than one {kind} device: {several}; give more of the name')
    there = _quoted(known.values()) if known else "none at all"
    raise DeviceError(
        f'no {kind} device is named "{name}"; there is {there}, and what another program uses is not shown'
    )


def unnumbered(name: str) -> str:
    """A card's name as PortAudio has it from ALSA, without the numbers of card and device at its end."""
    return re.sub(r"\s*\(hw:\d+,\d+\)", "", name)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _quoted(names: Iterator[str] | Any) -> str:
    return ", ".join(f'"{name}"' for name in names)


class PortAudio:
    """PortAudio, one for a process: given to the microphone and to the speaker.

    It sees only the devices that were there when it started, and a device that came back gives no sound until it
    was closed and PortAudio started again [tried]; and that ends all streams. So this counts the open ones: after
    a failure the next to open starts PortAudio again, once every other stream has ended, failed, or can be spared.
    Whoever was spared finds its line closed and opens it again. All calls block, are made in worker threads, and
    take turns behind one lock; nothing else in the product calls sounddevice, but for the callbacks it makes.

    A call may never come back, such as the start of a stream that the card refuses, because it is pulled out at that
    moment [tried; PortAudio's issues 535 and 1037]. Then nobody gets a turn any more, and only a new process helps.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None
        self._open: list[Line] = []
        self._failed = False

    def hangs_for(self) -> float:
        """Seconds for which a call has not come back; 0 while none is made."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def open(self, line: Line) -> Format:
        """Open the line's device and start its stream. Raises DeviceError."""
        with self._turn():
            sd = _sounddevice()
            with _told(f"the {line.what}"):
                if self._failed and all(other.spare() or not other.stream.active for other in self._open):
                    for other in list(self._open):
                        self._shut(other)
                    sd._terminate()
                    sd._initialize()
                    self._failed = False
                try:
                    form = _format(sd, line)
                    line.stream = line.make(sd, form)
                    line.is_open = True
                    self._open.append(line)
                    line.stream.start()
                except (sd.PortAudioError, DeviceError):
                    self._failed = True
                    self._shut(line)
                    raise
            return form

    def close(self, line: Line, *, failed: bool) -> None:
        """Let go of the line's device; when it has failed, PortAudio is started again before the next is opened."""
        with self._turn():
            self._shut(line)
            self._failed = self._failed or failed

    def devices(self, kind: Kind) -> list[Device]:
        """All of a kind. Takes a while; no line may be open. Raises DeviceError."""
        with self._turn():
            sd = _sounddevice()
            with _told(f"the {kind} devices"):
                hosts = [str(host["name"]) for host in sd.query_hostapis()]
                found: list[Device] = []
                for index, device in enumerate(sd.query_devices()):
                    if most := int(device[f"max_{kind}_channels"]):
                        rates = _accepted_rates(sd, kind, index, device)
                        found.append(Device(index, str(device["name"]), hosts[device["hostapi"]], most, rates))
                return found

    def taken(self, kind: Kind, name: str | None) -> int:
        """The index of the device that would be opened for `name`, and can be. Raises DeviceError."""
        with self._turn():
            sd = _sounddevice()
            with _told(f"the {kind} device"):
                form = _best(sd, kind, name)
                return int(sd.query_devices(form.device, kind)["index"])

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._lock:
            self._since = time.monotonic()
            try:
                yield
            finally:
                self._since = None

    def _shut(self, line: Line) -> None:
        if line.is_open:
            line.is_open = False
            self._open.remove(line)
            line.stream.close()  # ends it at once, without playing what is left; PortAudio's complaints are ignored


class Line:
    """One stream of one device, as its owner in the event loop sees it: nothing here blocks the loop."""

    def __init__(
        self,
        cards: PortAudio,
        kind: Kind,
        name: str | None,
        make: Callable[[Any, Format], Any],
        spare: Callable[[], bool],
    ) -> None:
        """`make`, called in a worker thread with the module sounddevice, makes the stream that is to be started.
        `spare` says whether the stream may be ended, and opened again by its owner, for another one's sake."""
        self.kind: Kind = kind
        self.name = name
        self.make = make
        self.spare = spare
        self.stream: Any = None
        self.is_open = False
        """Written behind the lock of PortAudio; a loop that reads the old value finds the new one soon after."""
        self._cards = cards
        self._opening: asyncio.Future[Format] | None = None
        self._patient_until = 0.0
        """Seconds of `time.monotonic()`: what is being opened shall be open by then."""
        self._settled = threading.Event()
        """Set when nothing is being opened."""
        self._settled.set()

    @property
    def what(self) -> str:
        """What this is, for a sentence."""
        of_use = "microphone" if self.kind == "input" else "speaker"
        return f'{of_use} "{self.name}"' if self.name else of_use

    async def open(self) -> None:
        """Open, if it is not. May be cancelled: it then opens all the same, for the next caller. Raises DeviceError, at
        once where it should have been open by now."""
        if self._opening is None:
            if self.is_open:
                return
            self._settled.clear()
            self._opening = _in_thread(self._open)
            self._patient_until = time.monotonic() + OPENING_SECONDS
        opening = self._opening
        await asyncio.wait([opening], timeout=max(0.0, self._patient_until - time.monotonic()))
        if not opening.done():
            raise DeviceError(f"the {self.what} does not answer")
        self._opening = None
        opening.result()

    async def close(self, *, failed: bool = False) -> None:
        """Let go of the device, when that is not done already. May be cancelled: it then closes all the same."""
        opening, self._opening = self._opening, None
        if opening or self.is_open:
            closing = _in_thread(lambda: self._close(failed))
            await asyncio.wait([closing], timeout=CLOSING_SECONDS)
        if opening and opening.done():
            opening.exception()  # seen: nobody needs it any more

    def _open(self) -> Format:
        try:
            return self._cards.open(self)
        finally:
            self._settled.set()

    def _close(self, failed: bool) -> None:
        self._settled.wait()  # or what is still opening would stay open
        self._cards.close(self, failed=failed)


async def listed(cards: PortAudio, kind: Kind, name: str | None) -> tuple[list[Device], Device]:
    """All devices of a kind, and the one that would be taken for `name`; no line may be open. Raises DeviceError, also
    when a sound server hangs."""

    def look() -> tuple[list[Device], Device]:
        devices = cards.devices(kind)
        taken = cards.taken(kind, name)
        return devices, next(device for device in devices if device.index == taken)

    looking = _in_thread(look)
    await asyncio.wait([looking], timeout=OPENING_SECONDS)
    if not looking.done():
        raise DeviceError(f"the {kind} devices cannot be listed: the sound system does not answer")
    return looking.result()


def look_around() -> None:
    """Find all sound cards, which takes a moment the first time."""
    with suppress(DeviceError):  # told by whoever needs one
        _sounddevice()


def be_urgent() -> None:
    """Give this thread, one that PortAudio calls back in, real-time priority."""
    with suppress(OSError, AttributeError):  # not granted; not Linux
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(URGENCY))  # 0 is this thread


def _in_thread(work: Callable[[], Result]) -> asyncio.Future[Result]:
    """Do `work` in a thread that, unlike those of asyncio, cannot keep the program from ending when it hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(tell: Callable[[], None]) -> None:
        def tell_if_asked() -> None:
            thread.join(LEAVING_SECONDS)  # alive at the end of the program it would keep what it holds for ever
            if not done.done():
                tell()

        with suppress(RuntimeError):  # the loop has ended meanwhile, and with it whoever asked
            loop.call_soon_threadsafe(tell_if_asked)

    def run() -> None:
        try:
            result = work()
        except (DeviceError, OSError, ValueError, RuntimeError) as error:
            settle(lambda error=error: done.set_exception(error))  # type: ignore[misc]
        else:
            settle(lambda: done.set_result(result))

    thread = threading.Thread(target=run, name="sound card", daemon=True)
    thread.start()
    return done


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(f"no sound: {error}; install libportaudio2") from error
    # At exit it would end PortAudio, which never ends while a sound server hangs; the system closes all devices anyway.
    atexit.unregister(sounddevice._exit_handler)
    return sounddevice


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What PortAudio complains of, in our words."""
    sd = _sounddevice()
    try:
        yield
    except sd.PortAudioError as error:
        raise DeviceError(f"{what} cannot be used: {_reason(error)}") from error
    except MemoryError as error:
        raise DeviceError(f"{what} cannot be used where MemoryDenyWriteExecute is set") from error


def _reason(error: Exception) -> str:
    if _is_taken(error):
        return "another program uses it"
    return str(error.args[0]) if error.args else type(error).__name__


def _is_taken(error: Exception) -> bool:
    """Whether it is what PortAudio says of a card that is busy; it has waited for a second then [its source]."""
    return error.args[1:2] == (UNAVAILABLE,)


def _format(sd: Any, line: Line) -> Format:
    """How a line's device is opened."""
    return _best(sd, line.kind, line.name)


def _best(sd: Any, kind: Kind, name: str | None) -> Format:
    """How a device can be opened: at its own rate, or as near to that as it can."""
    index = find(name, kind, sd.query_devices(), [api["name"] for api in sd.query_hostapis()])
    try:
        device = sd.query_devices(index, kind)
    except sd.PortAudioError as error:
        raise DeviceError(f"there is no {kind} device") from error
    tried: list[str] = []
    refusal = ""
    for rate in _rates(device):
        for channels in _channels(kind, device):
            if not (refusal := _refusal(sd, kind, index, rate, channels)):
                return Format(index, str(device["name"]), rate, channels)
            tried.append(f"{rate} Hz x {channels}")
    raise DeviceError(f'{kind} device "{device["name"]}" takes none of {", ".join(tried)}: {refusal}')


def _accepted_rates(sd: Any, kind: Kind, index: int, device: Mapping[str, Any]) -> tuple[int, ...]:
    """Those that a device takes; none while another program uses it."""
    counts = _channels(kind, device)
    try:
        return tuple(
            rate for rate in _rates(device) if not all(_refusal(sd, kind, index, rate, count) for count in counts)
        )
    except sd.PortAudioError:
        return ()


def _rates(device: Mapping[str, Any]) -> list[int]:
    """Hertz that are tried, the device's own first."""
    return list(dict.fromkeys((round(device["default_samplerate"]), *RATES)))


def _channels(kind: Kind, device: Mapping[str, Any]) -> list[int]:
    """How many are tried. What gives one channel of all it has gives the first [tried, with ALSA]: of a microphone
    array that is the best, of a stereo card it may be the one with no microphone; what plays one channel plays it on
    the left and the right."""
    most = int(device[f"max_{kind}_channels"])
    order = (2, 1) if most == 2 else (1, 2, most)
    return [count for count in dict.fromkeys(order) if count <= min(most, MOST_CHANNELS)]


def _refusal(sd: Any, kind: Kind, index: int | None, rate: int, channels: int) -> str:
    """Why a device cannot be opened so; empty where it can. Raises PortAudioError while another program uses it."""
    check = sd.check_input_settings if kind == "input" else sd.check_output_settings
    try:
        check(device=index, channels=channels, dtype="int16", samplerate=rate)
    except sd.PortAudioError as error:
        if _is_taken(error):
            raise
        return _reason(error)
    return ""

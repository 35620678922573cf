"""This file is a browser without a screen: in measurements and tests it is somebody at the page.

It is Debian's Chromium, driven by Playwright in a thread of its own, because that wants its thread's event loop for
itself.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np

from companion import children
from companion.audio import Samples

Result = TypeVar("Result")

PROGRAM = "chromium"

PATIENCE_MILLISECONDS = 20_000
"""After which something that was to be seen on a page is given up."""

ROOM_RATE = 48_000
"""Hertz of a page's sound, whatever the sound card's are: so it can be compared with other recordings."""

EAR = """
    // An ear in the room: a script processor would lose what comes while the page's script looks at it.
    class Ear extends AudioWorkletProcessor {
      constructor() {
        super();
        this.part = new Float32Array(1024);
        this.filled = 0;
      }
      process([[heard]]) {
        if (heard) this.part.set(heard, this.filled);
        else this.part.fill(0, this.filled, this.filled + 128);
        this.filled += 128;
        if (this.filled === 1024) {
          this.port.postMessage({ at: (currentFrame + 128 - 1024) / sampleRate, part: this.part.slice() });
          this.filled = 0;
        }
        return true;
      }
    }
    registerProcessor("ear", Ear);
"""

IN_THE_ROOM = """
    // Whatever goes to the loudspeaker is recorded on its way; what is done on the page is noted on the same clock.
    const Context = AudioContext;
    window.AudioContext = class extends Context {
      constructor(wishes) {
        super({ ...wishes, sampleRate: RATE });
        const add = this.audioWorklet.addModule.bind(this.audioWorklet);
        this.audioWorklet.addModule = async (module) => {
          await add(MODULE);
          await add(module);
        };
      }
    };
    const connect = AudioNode.prototype.connect;
    window.room = [];
    window.touched = [];
    AudioNode.prototype.connect = function (to, ...more) {
      if (to instanceof AudioDestinationNode && !window.ear) {
        window.clock = this.context;
        window.ear = new AudioWorkletNode(this.context, "ear");
        window.ear.port.onmessage = ({ data: { at, part } }) => {
          if (!window.room.length) window.began = at;
          window.room.push(part);
        };
        connect.call(this, window.ear);
        connect.call(window.ear, to); // or nobody would ask it for sound: it gives none
      }
      return connect.call(this, to, ...more);
    };
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...when) {
      window.started = this.context.currentTime; // a recording that was dropped on the toy
      return start.apply(this, when);
    };
    addEventListener("pointerdown", () => window.clock && window.touched.push(window.clock.currentTime), true);
"""

STATES = """
    window.states = [];
    new MutationObserver(() => {
      const state = document.documentElement.dataset.state;
      if (state !== window.states.at(-1)) window.states.push(state);
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
"""

AWAKE = "() => new Promise((on) => { const look = () => (window.ear ? on() : setTimeout(look, 20)); look(); })"

HEARD = """() => {
  const samples = room.flatMap((part) => [...part].map((sample) => sample * 32767));
  const bytes = new Uint8Array(new Int16Array(samples).buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}"""


def missing() -> str:
    """Why there can be no browser here; empty where there can."""
    if not shutil.which(PROGRAM):
        return "chromium is not installed"
    return "" if find_spec("playwright") else "the Python package playwright is not installed"


@dataclass(frozen=True, slots=True)
class Troubles:
    """What must not be in a page."""

    said: list[str] = field(default_factory=list)
    """Errors on its console."""
    asked: list[str] = field(default_factory=list)
    """Addresses of all its requests."""


class Chromium:
    """The browser, from `begin` to `end`."""

    def __init__(self, *flags: str) -> None:
        """`flags`: Chromium's own."""
        self._flags = flags
        self._thread = ThreadPoolExecutor(1, "chromium")

    def begin(self) -> None:
        """Start it. Blocks for a second."""
        self.do(self._begin).result()

    def end(self) -> None:
        """End it, and all its pages."""
        self.do(self._end).result()
        self._thread.shutdown()

    def do(self, act: Callable[..., Result], *values: Any) -> Future[Result]:
        """Do something with the browser, in its thread."""
        return self._thread.submit(act, *values)

    def page(self, url: str, *, ear: bool = False, **context: Any) -> Any:
        """A page in a window of its own; in the browser's thread. `ear`: what it plays is recorded, for which its
        Content-Security-Policy is lifted. `context`: as Playwright's `new_context` takes it."""
        page: Any = self._browser.new_context(bypass_csp=ear, **context).new_page()
        page.has_ear = ear
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.add_init_script(STATES)
        if ear:
            module = json.dumps(f"data:text/javascript,{quote(EAR)}")
            page.add_init_script(IN_THE_ROOM.replace("MODULE", module).replace("RATE", str(ROOM_RATE)))
        page.troubles = troubles = Troubles()
        page.on("console", lambda said: troubles.said.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.said.append(str(error)))
        page.on("request", lambda request: troubles.asked.append(request.url))
        page.goto(url)
        return page

    @staticmethod
    def wake(page: Any) -> Any:
        """Touch the paw of a page, so that its sound is on; in the browser's thread."""
        page.get_by_test_id("talk").click()
        if page.has_ear:
            page.evaluate(f"({AWAKE})()")
        return page

    @staticmethod
    def heard(page: Any) -> Samples:
        """All that left a page for the loudspeaker since its sound was on, at `ROOM_RATE`; in the browser's thread."""
        return np.frombuffer(base64.b64decode(page.evaluate(HEARD)), np.int16)

    def _begin(self) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        path, flags = shutil.which(PROGRAM), ["--no-sandbox", *self._flags]
        self._browser = self._playwright.chromium.launch(
            executable_path=path, args=flags, env={**children.environment()}
        )

    def _end(self) -> None:
        self._browser.close()
        self._playwright.stop()


@contextmanager
def chromium(recording: Path | None = None, *, microphone: bool = True) -> Iterator[Chromium]:
    """A browser whose microphone hears `recording`, once, from when it is opened. Without `microphone` whoever asks for
    it is told no."""
    speaks = [f"--use-file-for-fake-audio-capture={recording}%noloop"] if recording else []
    asked = "--use-fake-ui-for-media-stream" if microphone else "--deny-permission-prompts"
    browser = Chromium(asked, "--use-fake-device-for-media-stream", *speaks)
    browser.begin()
    try:
        yield browser
    finally:
        browser.end()

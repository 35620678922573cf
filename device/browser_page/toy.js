// This file moves the drawn toy: its light, its mouth, its eyes and its gestures.

import { brightness, follow, moved } from "./light.js";

const FRAME = 33; // milliseconds between two drawings; a light on pins is rendered 25 times a second
const GESTURE = 1800; // milliseconds
const BLINK = 140;
const SMOOTH = 0.45; // of the mouth's opening that follows the sound at once

// What is looked for in a gesture's words, and which movement it is.
const GESTURES = [
  [/\bwag|tail/, "wag"],
  [/\bwav|salut|greet|lifts? (a|one|his|her|its) (paw|foot|hand)/, "wave"],
  [/giggl|laugh|chuckl|grin|snort/, "giggle"],
  [/yawn|stretch/, "yawn"],
  [/\bnod|\bbow/, "nod"],
  [/\bshak/, "shake"],
  [/\bhop|jump|bounc|danc|stomp|clap|cheer/, "hop"],
  [/\bspin|twirl|roll/, "spin"],
  [/blush|pink|\bshy|smil|\blove|\bhug|closer|heart/, "blush"],
  [/sniff|\bnose/, "sniff"],
  [/sigh|droop|slump|throat/, "sigh"],
  [/curl|sleep|settle/, "doze"],
  [/point|tiptoe|\bup\b/, "point"],
  [/listen|look|tilt|\bears?\b|peer|eye/, "tilt"],
];

// Who is drawn, by what is in a name; anybody else is a bear whom nobody has met.
const DRAWINGS = [
  [/\botto\b/i, "otto.svg"],
  [/\bpip\b/i, "pip.svg"],
  [/团团|\btuantuan\b/i, "tuantuan.svg"],
];
const ANYBODY = "anybody.svg";

const POSES = {
  asleep: "asleep",
  away: "asleep",
  idle: "waiting",
  dozing: "dozing",
  booting: "waking up",
  listening: "listening",
  thinking: "thinking",
  speaking: "speaking",
  muted: "with its paws over its ears",
  offline: "without a network",
  attention: "worried",
};

export class Toy {
  constructor(place, glow) {
    this.place = place;
    this.glow = glow;
    this.state = "asleep";
    this.dozes = false;
    this.since = performance.now();
    this.heard = this.played = this.shown = this.mouth = 0;
    this.drawnAt = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    addEventListener("pointermove", (event) => this.look(event), { passive: true });
    requestAnimationFrame((now) => this.frame(now));
    this.blinkSoon();
  }

  // Be this character.
  async be(name) {
    this.name = name;
    const [, drawing] = DRAWINGS.find(([pattern]) => pattern.test(name)) ?? [null, ANYBODY];
    if (drawing !== this.drawing) {
      this.drawing = drawing;
      const text = await (await fetch(drawing)).text();
      if (drawing !== this.drawing) return; // it is somebody else already
      this.lamp = this.pure = "";
      const drawn = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      this.place.replaceChildren(document.importNode(drawn, true));
      const part = (name) => this.place.querySelector(name);
      this.parts = { lamp: part(".lamp-light"), halo: part(".lamp-halo"), haze: part("#halo"), mouth: part(".mouth"), head: part(".head"), gazes: this.place.querySelectorAll(".gaze") };
    }
    this.describe();
  }

  show(state, looks, dozes) {
    this.looks = looks ?? this.looks;
    if (dozes !== this.dozes) {
      this.dozes = dozes;
      this.describe();
    }
    if (state === this.state) return;
    this.state = state;
    this.since = performance.now();
    this.shown = 0;
    if (this.isSafety()) this.motion = null;
    this.describe();
  }

  // A gesture moves the light: not while it shows what one must be able to rely on, nor while another gesture does.
  move(motion) {
    const now = performance.now();
    if (this.isSafety() || this.moved(now) !== null) return;
    this.motion = motion;
    this.movesSince = now;
  }

  isSafety() {
    return this.looks?.safety.includes(this.state) ?? false;
  }

  // How bright the gesture makes the light now; null where there is none.
  moved(now) {
    const points = this.motion && this.looks?.motions[this.motion];
    return points ? moved(points, (now - this.movesSince) / 1000) : null;
  }

  describe() {
    this.place.setAttribute("aria-label", `${this.name ?? "The toy"}, ${POSES[this.dozes ? "dozing" : this.state] ?? this.state}`);
  }

  level({ heard, played, sounding }) {
    this.heard = heard;
    this.played = sounding ? played : 0;
  }

  // Returns what it does, for those who do not see it.
  gesture(words) {
    const [, movement] = GESTURES.find(([pattern]) => pattern.test(words.toLowerCase())) ?? [null, "wiggle"];
    clearTimeout(this.gesturing);
    this.place.dataset.gesture = "";
    void this.place.offsetWidth; // so that the same one begins anew
    this.place.dataset.gesture = movement;
    this.gesturing = setTimeout(() => delete this.place.dataset.gesture, GESTURE);
    return movement;
  }

  frame(now) {
    requestAnimationFrame((next) => this.frame(next));
    const passed = now - this.drawnAt;
    if (passed < FRAME || !this.parts) return;
    this.drawnAt = now;
    this.shine(now, passed / 1000);
    this.speak(now);
  }

  shine(now, passed) {
    const look = this.looks?.looks.find(({ state }) => state === this.state);
    const level = this.state === "speaking" ? this.played : this.heard;
    this.shown = this.looks ? follow(this.looks, this.shown, level, passed) : 0;
    const bright = look ? (this.moved(now) ?? brightness(this.looks, look, (now - this.since) / 1000, this.shown)) : 0;
    const colour = look?.colour ?? [0, 0, 0];
    const lamp = `rgb(${colour.map((part) => Math.round(part * bright)).join(" ")})`;
    if (lamp === this.lamp) return; // drawing costs more than looking
    this.lamp = lamp;
    const strongest = Math.max(...colour, 1) / 255;
    const strength = bright * strongest;
    this.parts.lamp.setAttribute("fill", lamp);
    this.parts.halo.setAttribute("opacity", strength.toFixed(3));
    this.glow.style.opacity = (0.5 * strength).toFixed(3);
    const pure = `rgb(${colour.map((part) => Math.round(part / strongest)).join(" ")})`;
    if (pure !== this.pure) this.parts.haze.style.color = this.glow.style.color = this.pure = pure;
  }

  speak(now) {
    this.mouth += SMOOTH * (this.played - this.mouth);
    if (this.mouth < 0.02 && !this.wasOpen) return;
    this.wasOpen = this.mouth >= 0.02;
    const open = this.wasOpen ? Math.min(1, 0.12 + 1.1 * this.mouth) : 0;
    this.parts.mouth.style.transform = `scaleY(${open.toFixed(2)})`;
    this.parts.mouth.style.opacity = open ? 1 : 0;
    const sway = this.calm.matches || !this.wasOpen ? 0 : Math.sin(now / 420) * 1.6;
    const lift = this.calm.matches ? 0 : -5 * this.mouth;
    this.parts.head.style.transform = open ? `translateY(${lift.toFixed(1)}px) rotate(${sway.toFixed(2)}deg)` : "";
  }

  look({ clientX, clientY }) {
    if (!this.parts || this.calm.matches) return;
    const { left, top, width, height } = this.place.getBoundingClientRect();
    const [x, y] = [clientX - left - width / 2, clientY - top - height / 3];
    const far = Math.hypot(x, y) / 5 || 1;
    for (const gaze of this.parts.gazes) gaze.style.transform = `translate(${(x / far).toFixed(1)}px, ${(y / far).toFixed(1)}px)`;
  }

  blinkSoon() {
    setTimeout(() => {
      this.place.classList.add("blink");
      setTimeout(() => this.place.classList.remove("blink"), BLINK);
      this.blinkSoon();
    }, 1800 + 4200 * Math.random());
  }
}

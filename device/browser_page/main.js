// This file is the page: what it is told it shows, what is done on it it says. It decides nothing of the conversation.

import { Line } from "./line.js";
import { Panel } from "./panel.js";
import { Sound } from "./sound.js";
import { Toy } from "./toy.js";

const $ = (id) => document.getElementById(id);

const STATES = {
  asleep: "asleep",
  away: "out of reach",
  booting: "waking up …",
  idle: "dozing",
  listening: "listening",
  thinking: "thinking …",
  speaking: "talking",
  muted: "muted: it hears nothing",
  offline: "no network",
  attention: "something is wrong",
};
const HINTS = {
  hold: "Hold the paw, or the space bar, and talk. A short tap: it hears you until you pause.",
  open: "Just talk, also over its voice. Tap the paw to stop it; hold it to cover its ears.",
  wake: (name) => `Say “hey ${name}”, then what you like. Tap the paw to stop it; hold it to cover its ears.`,
};
const MICROPHONE = {
  denied: "Your browser does not let this page hear you: allow the microphone in its address bar, and load the page again. Until then, write.",
  missing: "There is no microphone here. You can write instead.",
  echoes: "Your browser does not take the toy's voice out of what it hears here: wear headphones, or it interrupts itself.",
  gone: "The microphone was unplugged. You can write instead, or load the page again.",
};
const METER = 100; // milliseconds between two looks of the level meter

const line = new Line();
const sound = new Sound(line);
const panel = new Panel();
const toy = new Toy($("toy"), $("glow"));

let about = { called: "hold", known: [] };
let looks;
let state = "asleep"; // the toy's own, as it was told last
let held = false;
let written = []; // what waits until the toy can hear

// What the page shows.

function show() {
  const shown = !line.socket ? "away" : sound.awake ? state : "asleep";
  document.documentElement.dataset.state = shown;
  if ($("state").textContent !== STATES[shown]) $("state").textContent = STATES[shown];
  toy.show(shown, looks);
  const muted = shown === "muted";
  $("mute").disabled = shown === "asleep" || shown === "away";
  $("mute").setAttribute("aria-pressed", muted);
  $("mute").querySelector("span").textContent = muted ? "Unmute" : "Mute";
  const name = nameOf(about.who);
  $("talk-text").textContent = !sound.awake ? `Wake ${name} up` : about.called === "hold" ? "Hold and talk" : "My paw";
  const hint = HINTS[about.called];
  if (sound.awake) $("hint").textContent = typeof hint === "function" ? hint(name) : hint;
}

function nameOf(who) {
  return about.known.find((one) => one.who === who)?.name ?? "me";
}

function notice(sentence, does, then) {
  $("notice").hidden = !sentence;
  $("notice-text").textContent = sentence;
  $("notice-do").hidden = !does;
  $("notice-do").textContent = does ?? "";
  $("notice-do").onclick = then ?? null;
}

function happened(event, { live }) {
  panel.event(event);
  if (event.event === "heard") $("heard").textContent = event.text;
  if (event.event === "said") $("reply").textContent = event.complete ? event.text : `${event.text} —`;
  if (!live) return;
  if (event.event === "gesture") toy.gesture(event.text);
  if (event.event === "fault") notice(event.recovered ? "" : event.text);
  if (event.event === "turn") notice("");
}

// What it is told.

const TOLD = {
  looks: (told) => (looks = told),
  about(told) {
    if (!told.known) return; // the toy is not there yet
    about = told;
    panel.about(told);
    $("name").textContent = nameOf(told.who);
    $("summary").textContent = told.known.find((one) => one.who === told.who)?.summary ?? "";
    document.title = `${nameOf(told.who)} · Companion`;
    $("who").replaceChildren(...told.known.map((one) => new Option(one.name, one.who, false, one.who === told.who)));
    $("called").value = told.called;
    toy.be(nameOf(told.who));
    show();
  },
  journal({ events }) {
    panel.clear();
    $("reply").textContent = $("heard").textContent = "";
    for (const event of events) happened(event, { live: false });
  },
  event: (told) => happened(told, { live: true }),
  light(told) {
    state = told.state;
    show();
    if (state !== "booting") for (const text of written.splice(0)) line.say({ do: "say", text });
  },
  motion: ({ motion }) => toy.move(motion),
  volume: ({ to }) => ($("volume").value = to),
  microphone: ({ capture }) => sound.listen(capture),
  sound: ({ data }) => sound.play(data),
  pause: () => sound.do({ do: "pause" }),
  resume: () => sound.do({ do: "resume" }),
  cut: ({ generation, gain }) => sound.do({ do: "cut", generation, gain }),
  again: ({ generation }) => sound.do({ do: "again", generation }),
  gain: ({ to }) => sound.do({ do: "setGain", to }),
};

line.addEventListener("told", ({ detail }) => TOLD[detail.tell]?.(detail));
line.addEventListener("open", () => {
  notice("");
  sound.introduce();
  show();
});
line.addEventListener("closed", ({ detail: { how, sentence } }) => {
  held = false;
  if (how === "busy" || how === "moved") notice(sentence, "Use it here", () => line.open({ take: true }));
  else if (how === "refused") notice(sentence, "Try again", () => line.open());
  else notice("The toy does not answer: is “companion simulate” still running? I keep trying.");
  show();
});
sound.addEventListener("level", ({ detail }) => {
  toy.level(detail);
  level = detail.heard;
});
sound.addEventListener("microphone", ({ detail }) => notice(MICROPHONE[detail] ?? ""));
sound.addEventListener("state", show);

let level = 0;
setInterval(() => $("panel").hidden || ($("meter").value = level), METER);

// What is done on it.

async function press(down) {
  if (!sound.awake) {
    if (down) await wake();
    return;
  }
  if (down === held || (down && state === "booting")) return;
  held = down;
  $("talk").classList.toggle("held", down);
  line.say({ do: "press", down });
}

async function wake() {
  try {
    await sound.wake();
  } catch {
    notice("Your browser gives this page no sound: it needs AudioWorklet, which all current browsers have.");
  }
  show();
}

const isSpace = (event) => event.code === "Space" || (event.code === "Enter" && event.target === $("talk"));
const elsewhere = ({ target }) => target.matches?.("input, select, textarea, summary, a, button") && target !== $("talk");

$("talk").addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  $("talk").setPointerCapture(event.pointerId);
  press(true);
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) $("talk").addEventListener(end, () => press(false));
$("talk").addEventListener("contextmenu", (event) => event.preventDefault());
$("talk").addEventListener("click", (event) => event.detail === 0 && !sound.awake && wake()); // a screen reader's
addEventListener("keydown", (event) => {
  if (!isSpace(event) || elsewhere(event)) return;
  event.preventDefault();
  if (!event.repeat) press(true);
});
addEventListener("keyup", (event) => isSpace(event) && !elsewhere(event) && press(false));
addEventListener("blur", () => press(false));

$("mute").onclick = () => line.say({ do: state === "muted" ? "unmute" : "mute" });
$("volume").oninput = () => line.say({ do: "volume", to: Number($("volume").value) });
$("write").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  if (state === "muted") return notice("Its paws are over its ears: unmute it first.");
  $("text").value = "";
  const ready = sound.awake && state !== "booting" && state !== "asleep";
  if (ready) line.say({ do: "say", text });
  else written.push(text);
  if (!sound.awake) await wake();
};
for (const id of ["who", "called"]) $(id).onchange = () => line.say({ do: "choose", character: $("who").value, called: $("called").value });
$("forget").onclick = () => {
  line.say({ do: "forget" });
  notice("");
};
$("fold").onclick = () => {
  const hidden = ($("panel").hidden = !$("panel").hidden);
  $("fold").setAttribute("aria-expanded", !hidden);
  document.body.classList.toggle("unfolded", !hidden);
};

async function hear(file) {
  if (!file) return;
  if (!sound.awake) await wake();
  try {
    await sound.hear(file, (down) => about.called === "hold" && press(down));
  } catch {
    notice(`${file.name} is not a recording that your browser can read.`);
  }
}
$("file").onchange = () => {
  hear($("file").files[0]);
  $("file").value = ""; // so that the same one can be chosen again
};
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  hear(event.dataTransfer.files[0]);
});

if (matchMedia("(min-width: 60rem)").matches) $("fold").click();
line.open();
show();

// This file is the page: what it is told it shows, what is done on it it says. It decides nothing of the conversation.

import { Bubble } from "./bubble.js";
import { Line } from "./line.js";
import { Notice } from "./notice.js";
import { Panel } from "./panel.js";
import { Paw } from "./paw.js";
import { Sound } from "./sound.js";
import { Toy } from "./toy.js";
import { COVERED, words } from "./words.js";

const $ = (id) => document.getElementById(id);

const METER = 100; // milliseconds between two looks of the level meter
const SLEEPY = 45_000; // milliseconds without a word, after which it dozes
const SURE = 5_000; // milliseconds for which one is asked whether all is to be forgotten

const line = new Line();
const sound = new Sound(line);
const panel = new Panel();
const toy = new Toy($("toy"), $("glow"));
const paw = new Paw($("talk"));
const bubble = new Bubble($("reply"));
const notice = new Notice($("notice"));
const deafness = new Notice($("deafness")); // of the microphone alone: it stays until that works

let about = { called: "hold", known: [] };
let looks;
let state = "asleep"; // the toy's own, as it was told last
let held = false;
let waiting = []; // what is to be done as soon as the toy can hear
let stirred = -Infinity; // when somebody last did or said something
let sleepy;

// What the page shows.

function show() {
  const shown = line.lost ? "away" : sound.awake ? state : "asleep";
  const dozes = shown === "idle" && performance.now() - stirred >= SLEEPY;
  const deaf = sound.microphone.isShut;
  const { is, paw: onThePaw, hint } = words({ shown, dozes, deaf, called: about.called, name: nameOf(about.who) });
  document.documentElement.dataset.state = shown;
  document.documentElement.toggleAttribute("data-dozes", dozes);
  write("state", is);
  write("talk-text", onThePaw);
  write("hint", hint);
  $("talk").setAttribute("aria-disabled", shown === "booting" || (shown === "away" && sound.awake));
  toy.show(shown, looks, dozes);
  const muted = shown === "muted";
  $("mute").disabled = shown === "asleep" || shown === "away";
  $("mute").setAttribute("aria-pressed", muted);
  $("mute").querySelector("span").textContent = muted ? "Unmute" : "Mute";
}

// What is the same is not read out again.
function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function nameOf(who) {
  return about.known.find((one) => one.who === who)?.name ?? "me";
}

function stir() {
  stirred = performance.now();
  clearTimeout(sleepy);
  sleepy = setTimeout(show, SLEEPY);
  show();
}

function happened(event, { live }) {
  panel.event(event);
  if (event.event === "heard") {
    $("heard").textContent = event.text;
    bubble.empty();
  }
  if (event.event === "said" && (live || nameOf(about.who).includes(event.character))) bubble.said(event);
  if (!live) return;
  if (["heard", "said", "turn"].includes(event.event)) stir();
  if (event.event === "gesture") toy.gesture(event.text);
  if (event.event === "fault") notice.say(event.recovered ? "" : event.text);
  if (event.event === "turn") notice.say("");
}

// What it is told.

const TOLD = {
  looks: (told) => (looks = told),
  about(told) {
    if (!told.known) return; // the toy is not there yet
    if (told.who !== about.who) clear();
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
    clear();
    for (const event of events) happened(event, { live: false });
  },
  event: (told) => happened(told, { live: true }),
  words: ({ text }) => bubble.saying(text),
  light(told) {
    state = told.state;
    show();
    attend();
  },
  motion: ({ motion }) => toy.move(motion),
  volume: ({ to }) => ($("volume").value = to),
  microphone({ capture }) {
    sound.listen(capture);
    attend();
  },
  sound: ({ data }) => sound.play(data),
  pause: () => sound.do({ do: "pause" }),
  resume: () => sound.do({ do: "resume" }),
  cut: ({ generation, gain }) => sound.do({ do: "cut", generation, gain }),
  again: ({ generation }) => sound.do({ do: "again", generation }),
  gain: ({ to }) => sound.do({ do: "setGain", to }),
};

function clear() {
  bubble.empty();
  $("heard").textContent = "";
}

line.addEventListener("told", ({ detail }) => TOLD[detail.tell]?.(detail));
line.addEventListener("open", () => {
  notice.say("");
  sound.introduce();
  show();
});
line.addEventListener("closed", ({ detail: { how, sentence } }) => {
  hold(false);
  if (how === "busy" || how === "moved") notice.say(sentence, "Use it here", () => line.open({ take: true }));
  else if (how === "refused") notice.say(sentence, "Try again", () => line.open());
  else if (how === "renewed") notice.say("The program was started again: open its new address, which it has printed.", "Try again", () => line.open());
  else notice.say("The toy does not answer: is “companion simulate” still running? I keep trying.");
  show();
});
sound.addEventListener("level", ({ detail }) => {
  toy.level(detail);
  level = detail.heard;
});
sound.microphone.addEventListener("trouble", ({ detail: sentence }) => {
  if (sound.microphone.isShut) deafness.say(sentence, "Try again", () => sound.microphone.open());
  else deafness.say(sentence, "I do", () => deafness.say(""));
  show();
});
sound.addEventListener("state", show);

let level = 0;
setInterval(() => $("panel").hidden || ($("meter").value = level), METER);

// What is done on it.

paw.addEventListener("press", ({ detail: down }) => {
  if (!down) return hold(false);
  stir();
  if (!sound.awake) return wake();
  if (about.called !== "hold") return hold(true);
  if (state === "muted") return notice.say(COVERED);
  if (!sound.microphone.isShut) return hold(true);
  deafness.repeat();
  line.say({ do: "interrupt" }); // it falls silent, and does not listen to nobody
});

function hold(down) {
  if (down === held || (down && (state === "booting" || !line.isOpen))) return;
  held = down;
  $("talk").classList.toggle("held", down);
  line.say({ do: "press", down });
}

async function wake() {
  try {
    await sound.wake();
  } catch {
    notice.say("Your browser gives this page no sound: it needs AudioWorklet, which all current browsers have.");
  }
  show();
  attend();
}
$("talk").addEventListener("click", () => sound.awake || wake()); // a finger has touched only when it is lifted

// Do what waits until it can be heard.
function attend() {
  if (!waiting.length) return;
  if (state === "muted" && sound.awake) {
    waiting = [];
    return notice.say(COVERED);
  }
  if (!line.isOpen || !sound.awake || !sound.capture || state === "booting") return;
  notice.say("");
  for (const one of waiting.splice(0)) one();
}

async function when(heard) {
  waiting.push(heard);
  if (!sound.awake) await wake();
  attend();
}

$("mute").onclick = () => line.say({ do: state === "muted" ? "unmute" : "mute" });
$("volume").oninput = () => line.say({ do: "volume", to: Number($("volume").value) });
$("write").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  if (state === "muted") return notice.say(COVERED);
  $("text").value = "";
  stir();
  when(() => line.say({ do: "say", text }));
};
for (const id of ["who", "called"]) $(id).onchange = () => line.say({ do: "choose", character: $("who").value, called: $("called").value });

let unsure;
function ask(sure) {
  clearTimeout(unsure);
  $("forget").toggleAttribute("data-asks", sure);
  $("forget").textContent = sure ? "Really forget?" : "Forget everything";
  if (sure) unsure = setTimeout(ask, SURE, false);
}
$("forget").onclick = () => {
  const sure = $("forget").hasAttribute("data-asks");
  ask(!sure);
  if (!sure) return;
  line.say({ do: "forget" });
  notice.say("");
};

function fold(folded) {
  $("panel").hidden = folded;
  $("fold").setAttribute("aria-expanded", !folded);
  document.body.classList.toggle("unfolded", !folded);
}
const WIDE = matchMedia("(min-width: 60rem)");
$("fold").onclick = () => {
  fold(!$("panel").hidden);
  const behavior = toy.calm.matches ? "instant" : "smooth";
  if (!$("panel").hidden && !WIDE.matches) $("panel").scrollIntoView({ behavior, block: "start" });
};

let recordings = Promise.resolve(); // one after the other
function hear(file) {
  if (!file) return;
  if (state === "muted" && sound.awake) return notice.say(COVERED);
  stir();
  if (!sound.awake) notice.say(`Touch the paw: as soon as I am awake I hear ${file.name}.`);
  when(() => {
    recordings = recordings.then(() => sound.hear(file, (down) => about.called === "hold" && hold(down))).catch(() => {
      notice.say(`${file.name} is not a recording that your browser can read.`);
    });
  });
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

fold(!WIDE.matches);
line.open();
show();

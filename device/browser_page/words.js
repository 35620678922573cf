// This file is what the page says of the toy's state: what it does, what the paw is for, and how one goes on.

const IS = {
  asleep: "asleep",
  away: "out of reach",
  booting: "waking up …",
  idle: "waiting for you",
  listening: "listening",
  thinking: "thinking …",
  speaking: "talking",
  muted: "muted: it hears nothing",
  offline: "no network",
  attention: "something is wrong",
};

export const COVERED = "Its paws are over its ears: unmute it first.";

const HELD = { paw: "Hold and talk", hint: "Hold the paw, or the space bar, and talk. A short tap: it hears you until you pause." };
const OPEN = { paw: "My paw", hint: "Just talk, also over its voice. Tap the paw to stop it; hold it to cover its ears." };
const WAKE = (name) => ({ paw: "My paw", hint: `Say “hey ${name}”, then what you like. Tap the paw to stop it; hold it to cover its ears.` });

// `deaf`: the page's microphone should be open and cannot be.
export function words({ shown, dozes, deaf, called, name }) {
  const is = dozes ? "dozing" : deaf && shown === "listening" ? "waiting for you to write" : IS[shown];
  return { is, ...how(shown, deaf, called, name) };
}

function how(shown, deaf, called, name) {
  switch (shown) {
    case "asleep":
      return { paw: `Wake ${name} up`, hint: "Touch the paw: your browser lets me speak and listen only then." };
    case "away":
      return { paw: "Out of reach", hint: "What you write waits until I am back." };
    case "booting":
      return { paw: "Waking up …", hint: "A moment: I hear you as soon as I am awake." };
    case "muted":
      return called === "hold"
        ? { paw: "Ears covered", hint: "It hears nothing until you unmute it." }
        : { paw: "Uncover my ears", hint: "It hears nothing until you unmute it, or hold its paw." };
  }
  if (deaf) return { paw: called === "hold" ? "No microphone" : "My paw", hint: "I cannot hear you here: write to me, or drop a recording on me." };
  return { hold: HELD, open: OPEN, wake: WAKE(name) }[called];
}

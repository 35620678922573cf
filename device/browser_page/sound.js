// This file turns the page's sound on: the worklet, the microphone, and recordings that are dropped on the toy.

import { Microphone } from "./microphone.js";

const PLAYED_HEADER_BYTES = 8;
const AFTER_A_RECORDING = 300; // milliseconds for which the paw is still held

export class Sound extends EventTarget {
  constructor(line) {
    super();
    this.line = line;
    this.capture = 0;
    this.microphone = new Microphone();
    this.microphone.addEventListener("open", ({ detail }) => this.connect(detail));
    this.microphone.addEventListener("closed", () => this.disconnect());
  }

  get awake() {
    return this.context?.state === "running";
  }

  // Turn it on; browsers allow that only when somebody has just touched the page, so it may be asked for again.
  wake() {
    this.context ??= this.made();
    const on = this.context.resume();
    this.waking ??= this.begin(on).finally(() => (this.waking = undefined));
    return this.waking;
  }

  made() {
    const context = new AudioContext({ latencyHint: "interactive" });
    context.onstatechange = () => this.fire("state", context.state);
    return context;
  }

  async begin(on) {
    if (!this.card) {
      await this.context.audioWorklet.addModule("sound-card.js");
      this.card = new AudioWorkletNode(this.context, "sound-card", { outputChannelCount: [1] });
      this.card.port.onmessage = ({ data }) => this.told(data);
      this.card.connect(this.context.destination);
    }
    await on;
    this.introduce();
    await this.microphone.want(this.capture > 0);
  }

  // Tell the toy's mind of it, after each time that the line was opened.
  introduce() {
    if (!this.awake || !this.card) return;
    const { sampleRate: rate, baseLatency = 0, outputLatency = 0 } = this.context;
    const latency = Math.min(1, baseLatency + outputLatency);
    this.do({ do: "setLatency", seconds: latency });
    this.line.say({ do: "sound", rate, latency });
  }

  // What the mind wants of the sound card.
  do(message) {
    this.card?.port.postMessage(message);
  }

  play(data) {
    const header = new DataView(data);
    const samples = new Int16Array(data, PLAYED_HEADER_BYTES);
    this.do({ do: "sound", generation: header.getUint32(0, true), first: header.getUint32(4, true), samples });
  }

  listen(capture) {
    this.capture = capture;
    this.do({ do: "listen", capture });
    this.microphone.want(capture > 0 && this.awake && Boolean(this.card));
  }

  connect(stream) {
    this.disconnect();
    this.source = this.context.createMediaStreamSource(stream);
    if (!this.playing) this.source.connect(this.card);
  }

  disconnect() {
    this.source?.disconnect();
    this.source = undefined;
  }

  // Let a recording be heard instead of the microphone; `held` is told when it begins and when it is over. Rejects for
  // what is none.
  async hear(file, held) {
    const recording = await this.context.decodeAudioData(await file.arrayBuffer());
    const player = new AudioBufferSourceNode(this.context, { buffer: recording });
    this.source?.disconnect();
    this.playing = player;
    player.connect(this.card);
    held(true);
    player.start();
    await new Promise((over) => (player.onended = over));
    if (this.playing === player) {
      this.playing = undefined;
      this.source?.connect(this.card);
    }
    await new Promise((over) => setTimeout(over, AFTER_A_RECORDING));
    held(false);
  }

  told({ message, heard, played, sounding }) {
    this.line.send(message);
    this.fire("level", { heard: loudness(heard), played: loudness(played), sounding });
  }

  fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// 0 to 1, as an ear hears it: from -55 dBFS to -10.
function loudness(amplitude) {
  return amplitude > 0 ? Math.min(1, Math.max(0, (20 * Math.log10(amplitude) + 55) / 45)) : 0;
}

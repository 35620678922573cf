// This file turns the page's sound on: the worklet, the microphone, and recordings that are dropped on the toy.

const PLAYED_HEADER_BYTES = 8;
const AFTER_A_RECORDING = 300; // milliseconds for which the paw is still held

export class Sound extends EventTarget {
  constructor(line) {
    super();
    this.line = line;
    this.capture = 0;
  }

  get awake() {
    return this.context?.state === "running";
  }

  // Turn it on; browsers allow that only when somebody has just touched the page.
  async wake() {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      await this.context.audioWorklet.addModule("sound-card.js");
      this.card = new AudioWorkletNode(this.context, "sound-card", { outputChannelCount: [1] });
      this.card.port.onmessage = ({ data }) => this.told(data);
      this.card.connect(this.context.destination);
      this.context.onstatechange = () => this.fire("state", this.context.state);
    }
    await this.context.resume();
    this.introduce();
    if (this.capture) await this.openMicrophone();
  }

  // Tell the toy's mind of it, after each time that the line was opened.
  introduce() {
    if (!this.awake) return;
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

  async listen(capture) {
    this.capture = capture;
    this.do({ do: "listen", capture });
    if (!capture) this.closeMicrophone();
    else if (this.awake) await this.openMicrophone();
  }

  async openMicrophone() {
    if (this.opening || this.stream?.active) return;
    this.opening = true;
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
      const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      if (!this.capture) return this.closeMicrophone(); // muted meanwhile
      this.source = this.context.createMediaStreamSource(this.stream);
      this.source.connect(this.card);
      this.stream.getAudioTracks()[0].onended = () => this.fire("microphone", "gone");
      const echoes = this.stream.getAudioTracks()[0].getSettings().echoCancellation === false;
      this.fire("microphone", echoes ? "echoes" : "open");
    } catch (error) {
      this.fire("microphone", error.name === "NotAllowedError" ? "denied" : "missing");
    } finally {
      this.opening = false;
    }
  }

  closeMicrophone() {
    this.source?.disconnect();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.source = undefined;
  }

  // Let a recording be heard instead of the microphone; `held` is told when it begins and when it is over.
  async hear(file, held) {
    const recording = await this.context.decodeAudioData(await file.arrayBuffer());
    const player = new AudioBufferSourceNode(this.context, { buffer: recording });
    this.source?.disconnect();
    player.connect(this.card);
    held(true);
    player.start();
    await new Promise((over) => (player.onended = over));
    this.source?.connect(this.card);
    setTimeout(() => held(false), AFTER_A_RECORDING);
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

// This file is the page's sound card: one worklet that plays what it is given and gives what it hears, on one clock.
//
// It knows nothing of the toy. Every 20 ms it tells the page's script what it heard and how much it has really played;
// the layout is that of Block in device/browser_link.py. What sounds can be faded, held and cut off between two
// samples, so nothing clicks and nobody waits for a buffer to run empty.

const BLOCK_SECONDS = 0.02;
const HEADER_BYTES = 32;
const FADE_SECONDS = 0.025; // of pause, resume and cut, as on every other speaker
const DUCK_SECONDS = 0.03; // of a change of loudness
const ENOUGH_SECONDS = 0.06; // of sound, to begin with at once
const JITTER_SECONDS = 0.03; // waited for more, where less has come

class Ramp {
  constructor(value) {
    this.value = this.target = value;
    this.left = 0;
  }

  to(target, samples) {
    if (target === this.target) return;
    this.target = target;
    this.left = Math.ceil(samples);
    if (!this.left) this.value = target;
  }

  arrive() {
    this.value = this.target;
    this.left = 0;
  }

  next() {
    if (this.left) this.value += (this.target - this.value) / this.left--;
    return this.value;
  }
}

class SoundCard extends AudioWorkletProcessor {
  constructor() {
    super();
    this.capture = 0; // which opening of the microphone this is; 0: it is closed
    this.generation = 0; // which stream is played
    this.queue = []; // pieces of that stream that are not played yet
    this.at = 0; // samples played of the first of them
    this.written = 0; // samples of the stream that have come
    this.played = 0; // and that were played
    this.heardAt = 0; // the frame after the last of these
    this.latency = 0; // frames from there until it is heard
    this.past = []; // what was played when, as long as it is not heard yet
    this.heard = { played: 0, heardAt: 0 }; // the newest that is
    this.begins = 0; // the frame at which sound may begin, after a silence
    this.dying = []; // what fades out, before anything else is heard
    this.sounding = false; // whether the newest sample was one of a sound
    this.fresh = true; // whether nothing sounded just before
    this.paused = false;
    this.fade = new Ramp(1);
    this.gain = new Ramp(1);
    this.samples = Math.round(sampleRate * BLOCK_SECONDS);
    this.block = new Int16Array(this.samples);
    this.filled = 0;
    this.power = { heard: 0, played: 0 };
    this.port.onmessage = ({ data }) => this[data.do](data);
  }

  // What the page's script asks for.

  sound({ generation, first, samples }) {
    if (generation !== this.generation) return;
    const late = this.played - first;
    if (late > 0) samples = samples.subarray(late); // a better version of what is over already
    this.dropFrom(Math.max(first, this.played));
    if (!samples.length) return;
    if (!this.queue.length) {
      this.begins = currentFrame + JITTER_SECONDS * sampleRate;
      if (this.fresh) {
        // After a silence there is nothing to come from.
        this.fade.arrive();
        this.gain.arrive();
      }
    }
    this.queue.push(samples);
    this.written += samples.length;
    if (this.written - this.played >= ENOUGH_SECONDS * sampleRate) this.begins = Math.min(this.begins, currentFrame);
  }

  pause() {
    this.paused = true;
    this.fade.to(0, this.sounding ? FADE_SECONDS * sampleRate * this.fade.value : 0);
  }

  resume() {
    this.paused = false;
    this.fade.to(1, this.played ? FADE_SECONDS * sampleRate * (1 - this.fade.value) : 0);
  }

  cut({ generation, gain }) {
    this.begin(generation);
    this.fade = new Ramp(1);
    this.gain = new Ramp(gain);
  }

  again({ generation }) {
    this.begin(generation);
    this.fade = new Ramp(0);
    this.fade.to(1, FADE_SECONDS * sampleRate);
    this.fresh = false;
  }

  setLatency({ seconds }) {
    this.latency = seconds * sampleRate;
  }

  setGain({ to }) {
    this.gain.to(to, DUCK_SECONDS * sampleRate);
    if (!this.sounding && !this.queue.length) this.gain.arrive();
  }

  listen({ capture }) {
    this.capture = capture;
    this.filled = 0;
  }

  // How it does it.

  begin(generation) {
    this.die();
    this.fresh = true;
    this.generation = generation;
    this.queue = [];
    this.at = this.written = this.played = 0;
    this.heardAt = currentFrame;
    this.past = [];
    this.heard = { played: 0, heardAt: currentFrame };
    this.paused = false;
  }

  dropFrom(sample) {
    while (this.written > sample && this.queue.length) {
      const last = this.queue.length - 1;
      const keep = Math.max(0, this.queue[last].length - (this.written - sample));
      this.written -= this.queue[last].length - keep;
      if (keep) this.queue[last] = this.queue[last].subarray(0, keep);
      else this.queue.pop();
    }
    if (this.queue.length && this.at === this.queue[0].length) {
      this.queue.shift();
      this.at = 0;
    }
  }

  die() {
    const rest = [];
    const most = FADE_SECONDS * sampleRate;
    while (this.sounding && rest.length < most && this.ready) rest.push(this.pull());
    if (rest.length) this.dying = rest.map((sample, at) => sample * (1 - at / rest.length));
    this.sounding = false;
  }

  get ready() {
    return this.queue.length > 0 && !(this.paused && !this.fade.left);
  }

  pull() {
    const sample = this.queue[0][this.at++] / 32768;
    if (this.at === this.queue[0].length) {
      this.queue.shift();
      this.at = 0;
    }
    this.fresh = !this.queue.length;
    this.played++;
    return sample * this.fade.next() * this.gain.next();
  }

  play(out) {
    let at = 0;
    while (at < out.length && this.dying.length) out[at++] = this.dying.shift();
    this.sounding = false;
    if (currentFrame >= this.begins) {
      while (at < out.length && this.ready) {
        out[at++] = this.pull();
        this.heardAt = currentFrame + at;
      }
      this.sounding = at === out.length && this.ready && this.heardAt === currentFrame + at;
    }
    for (let i = 0; i < at; i++) this.power.played += out[i] * out[i];
  }

  hear(heard, count) {
    for (let i = 0; i < count; i++) {
      const sample = heard ? Math.round(heard[i] * 32767) : 0;
      // Silence is never zeros: those mean a dead microphone.
      this.block[this.filled++] = Math.max(-32768, Math.min(32767, sample)) || (Math.random() < 0.5 ? 0 : 1);
      this.power.heard += heard ? heard[i] * heard[i] : 0;
      if (this.filled === this.samples) this.tell(currentFrame + i + 1);
    }
  }

  tell(ends) {
    const open = this.capture > 0;
    while (this.past.length && this.past[0].heardAt + this.latency <= ends) this.heard = this.past.shift();
    const message = new ArrayBuffer(HEADER_BYTES + (open ? 2 * this.samples : 0));
    const header = new DataView(message);
    header.setUint32(0, this.capture, true);
    header.setUint32(4, this.generation, true);
    header.setUint32(8, this.heard.played, true);
    header.setFloat64(16, Math.min(this.heard.heardAt, ends), true);
    header.setFloat64(24, ends, true);
    if (open) new Int16Array(message, HEADER_BYTES).set(this.block);
    const heard = open ? Math.sqrt(this.power.heard / this.samples) : 0;
    const played = Math.sqrt(this.power.played / this.samples);
    this.power = { heard: 0, played: 0 };
    this.filled = 0;
    this.port.postMessage({ message, heard, played, sounding: this.sounding }, [message]);
  }

  process([[heard]], [[out]]) {
    const before = this.played;
    this.play(out);
    if (this.played > before) this.past.push({ played: this.played, heardAt: this.heardAt });
    this.hear(heard, out.length);
    return true;
  }
}

registerProcessor("sound-card", SoundCard);

// This file is the page's microphone: open while the toy listens. What keeps it shut is told until it works.

const MOMENT = 1500; // milliseconds after which it is tried once more where another program has it

// What is said of each kind of trouble: by the name of the browser's own error, where there is one.
const SENTENCES = {
  NotAllowedError: "Your browser does not let this page hear you: allow the microphone in its address bar. Until then, write.",
  NotFoundError: "There is no microphone here. Plug one in, or write instead.",
  NotReadableError: "Another program is using the microphone: close it there, then try again. Until then, write.",
  AbortError: "The microphone did not start. Try again, or write instead.",
  SecurityError: "Your browser lets no page at this address hear you: open it at 127.0.0.1, as it was printed. Until then, write.",
  gone: "The microphone was unplugged. Plug it in again, or write instead.",
  echoes: "Your browser does not take the toy's voice out of what it hears here: wear headphones, or it interrupts itself.",
};

export class Microphone extends EventTarget {
  constructor() {
    super();
    this.wanted = false;
    this.trouble = ""; // its kind
    navigator.mediaDevices?.addEventListener("devicechange", () => this.isShut && this.open());
    navigator.permissions
      ?.query({ name: "microphone" })
      .then((permission) => (permission.onchange = () => this.isShut && this.open()))
      .catch(() => {}); // a browser that tells nothing of this one
  }

  // Whether it should be open and cannot be.
  get isShut() {
    return Boolean(this.trouble) && this.trouble !== "echoes";
  }

  // Fires "open" with its stream, "closed", and "trouble" with a sentence, which is empty when all is well.
  want(wanted) {
    this.wanted = wanted;
    if (wanted) return this.open();
    this.close();
  }

  async open({ again = true } = {}) {
    if (!this.wanted || this.opening || this.stream?.active) return;
    this.opening = true;
    clearTimeout(this.soon);
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
      const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      if (!this.wanted) return this.close(); // muted meanwhile
      const [track] = this.stream.getAudioTracks();
      track.onended = () => this.is("gone");
      this.fire("open", this.stream);
      this.is(track.getSettings().echoCancellation === false ? "echoes" : "");
    } catch ({ name }) {
      const taken = name === "NotReadableError";
      if (taken && again) this.soon = setTimeout(() => this.open({ again: false }), MOMENT);
      this.is(name);
    } finally {
      this.opening = false;
    }
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
    this.fire("closed");
  }

  is(trouble) {
    this.trouble = trouble;
    this.fire("trouble", trouble && (SENTENCES[trouble] ?? `The microphone cannot be used here (${trouble}). You can write instead.`));
  }

  fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

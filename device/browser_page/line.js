// This file is the line to the toy's mind: a WebSocket that comes back by itself.

const FIRST_PAUSE = 300; // milliseconds before it tries again; then twice as long each time ...
const LONGEST_PAUSE = 4000; // ... up to this
const IN_VAIN = 2; // attempts after which it asks whether there is somebody else
const BUSY = 4001;
const MOVED = 4002;
const TOO_LONG = 1009;
const WRONG = [1007, 1008, TOO_LONG];

export class Line extends EventTarget {
  constructor() {
    super();
    // The same after the page was loaded anew, and another one in another tab.
    this.name = sessionStorage.getItem("companion") ?? crypto.randomUUID();
    sessionStorage.setItem("companion", this.name);
    this.pause = FIRST_PAUSE;
    this.failed = 0;
    this.lost = false; // from when it closes until it is open again
    addEventListener("online", () => this.retry());
    addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  // Fires "open"; "told" with each message as its detail; "closed" with {sentence, how}: gone, busy, moved, refused, or
  // renewed: the program was started again, and has another address.
  open({ take = false } = {}) {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const address = new URL("line", location.href);
    address.protocol = "ws:";
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      socket.send(JSON.stringify({ do: "hello", name: this.name, take }));
      this.pause = FIRST_PAUSE;
      this.failed = 0;
      this.lost = false;
      this.fire("open");
    };
    socket.onmessage = ({ data }) => this.fire("told", typeof data === "string" ? JSON.parse(data) : { tell: "sound", data });
    socket.onclose = ({ code, reason }) => socket === this.socket && this.closed(code, reason);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  async closed(code, reason) {
    this.socket = undefined;
    this.lost = true;
    let how = { [BUSY]: "busy", [MOVED]: "moved" }[code] ?? (WRONG.includes(code) ? "refused" : "gone");
    // What the server's library says to this one is not for people.
    const sentence = code === TOO_LONG ? "The page sent more at once than it may." : reason;
    if (how === "gone") {
      this.failed += 1;
      if (this.failed > IN_VAIN && (await this.isAnotherOne())) how = "renewed";
      if (this.socket) return; // it was opened meanwhile
      if (how === "gone") this.tryAgain();
    }
    this.fire("closed", { how, sentence });
  }

  tryAgain() {
    this.waiting = setTimeout(() => this.open(), this.pause);
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
  }

  // Whether somebody answers at this address who does not know this page.
  async isAnotherOne() {
    try {
      const { status } = await fetch(location.href, { cache: "no-store" });
      return status === 403 || status === 404;
    } catch {
      return false;
    }
  }

  retry() {
    if (this.waiting !== undefined) this.open();
  }

  say(what) {
    this.send(JSON.stringify(what));
  }

  send(message) {
    if (this.isOpen) this.socket.send(message);
  }

  fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

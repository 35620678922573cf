// This file is the line to the toy's mind: a WebSocket that comes back by itself.

const FIRST_PAUSE = 300; // milliseconds before it tries again; then twice as long each time ...
const LONGEST_PAUSE = 4000; // ... up to this
const BUSY = 4001;
const MOVED = 4002;
const WRONG = [1007, 1008, 1009];

export class Line extends EventTarget {
  constructor() {
    super();
    // The same after the page was loaded anew, and another one in another tab.
    this.name = sessionStorage.getItem("companion") ?? crypto.randomUUID();
    sessionStorage.setItem("companion", this.name);
    this.pause = FIRST_PAUSE;
    addEventListener("online", () => this.retry());
    addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  // Fires "open"; "told" with each message as its detail; "closed" with {sentence, how}: gone, busy, moved, refused.
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
      this.fire("open");
    };
    socket.onmessage = ({ data }) => this.fire("told", typeof data === "string" ? JSON.parse(data) : { tell: "sound", data });
    socket.onclose = ({ code, reason }) => socket === this.socket && this.closed(code, reason);
  }

  closed(code, reason) {
    const how = { [BUSY]: "busy", [MOVED]: "moved" }[code] ?? (WRONG.includes(code) ? "refused" : "gone");
    const sentence = reason || (code === 1009 ? "The page sent more at once than it may." : "");
    this.socket = undefined;
    if (how === "gone") {
      this.waiting = setTimeout(() => this.open(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    }
    this.fire("closed", { how, sentence });
  }

  retry() {
    if (this.waiting !== undefined) this.open();
  }

  say(what) {
    this.send(JSON.stringify(what));
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

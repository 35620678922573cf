// This file is the paw: held by a finger or by the space bar, or tapped by a screen reader, which can hold nothing.

const OTHERS = "input, select, textarea, summary, a, button";

export class Paw extends EventTarget {
  // Fires "press" with whether it goes down.
  constructor(button) {
    super();
    this.button = button;
    this.by = ""; // what holds it down: "finger", "key" or nothing
    button.addEventListener("pointerdown", (event) => this.touched(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, () => this.up("finger"));
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => event.detail === 0 && this.tapped());
    addEventListener("keydown", (event) => this.keyDown(event));
    addEventListener("keyup", (event) => this.keyUp(event));
    // Whoever lets go elsewhere is not seen to: then it is let go here.
    addEventListener("blur", () => this.up(this.by));
    addEventListener("visibilitychange", () => document.hidden && this.up(this.by));
    // The space bar is for talking: what was clicked with a pointer does not keep it.
    addEventListener("click", (event) => event.detail && event.target.closest?.("button, a, summary, [type=range]")?.blur());
    addEventListener("change", (event) => event.target.matches("select, [type=file]") && event.target.blur());
  }

  touched(event) {
    if (event.button !== 0) return;
    this.button.setPointerCapture(event.pointerId);
    this.down("finger");
  }

  tapped() {
    this.down("finger");
    this.up("finger");
  }

  keyDown(event) {
    const mine = this.by === "key" && event.repeat; // wherever the focus has gone meanwhile
    if (!mine && (!this.isKey(event) || this.isElsewhere(event))) return;
    event.preventDefault();
    if (!event.repeat) this.down("key");
  }

  keyUp(event) {
    if (this.by !== "key" || !["Space", "Enter"].includes(event.code)) return;
    event.preventDefault();
    this.up("key");
  }

  isKey(event) {
    return event.code === "Space" || (event.code === "Enter" && event.target === this.button);
  }

  isElsewhere({ target }) {
    return target !== this.button && target.matches?.(OTHERS);
  }

  down(by) {
    if (this.by) return;
    this.by = by;
    this.fire(true);
  }

  up(by) {
    if (!by || this.by !== by) return;
    this.by = "";
    this.fire(false);
  }

  fire(down) {
    this.dispatchEvent(new CustomEvent("press", { detail: down }));
  }
}

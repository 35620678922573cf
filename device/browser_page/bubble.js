// This file is the bubble with what the toy says: each phrase as it begins to sound, and at the end what was really heard.

const WITHOUT_SPACES = "\u2e80"; // from here on scripts have none between phrases

export class Bubble {
  constructor(place) {
    this.place = place;
    this.over = true; // what is in it was said, and is over
    place.addEventListener("scroll", () => this.cue(), { passive: true });
    new ResizeObserver(() => this.cue()).observe(place);
  }

  empty() {
    this.over = true;
    this.write("");
  }

  saying(phrase) {
    const before = this.over ? "" : this.place.textContent;
    this.over = false;
    this.write(before + (before && before.at(-1) < WITHOUT_SPACES ? " " : "") + phrase);
    this.place.scrollTop = this.place.scrollHeight;
  }

  said({ text, complete }) {
    this.over = true;
    this.write(complete ? text : `${text} —`);
  }

  write(text) {
    if (this.place.textContent !== text) this.place.textContent = text;
    this.cue();
  }

  // Whoever cannot see all of it sees that there is more, and can come there with the keyboard.
  cue() {
    const { scrollTop, scrollHeight, clientHeight } = this.place;
    this.place.classList.toggle("above", scrollTop > 4);
    this.place.classList.toggle("below", scrollHeight - clientHeight - scrollTop > 4);
    if (scrollHeight - clientHeight > 4) this.place.tabIndex = 0;
    else this.place.removeAttribute("tabindex");
  }
}

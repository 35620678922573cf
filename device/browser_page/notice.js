// This file is a notice on the page: a sentence, and what can be done about it.

export class Notice {
  constructor(place) {
    this.place = place;
    this.text = place.querySelector("p");
    this.button = place.querySelector("button");
  }

  // No sentence: it goes. `does` is on the button, `then` is what the button does.
  say(sentence, does = "", then = null) {
    this.place.hidden = !sentence;
    if (this.text.textContent !== sentence) this.text.textContent = sentence;
    this.button.hidden = !does;
    this.button.textContent = does;
    this.button.onclick = then;
  }

  // Say the same once more: it is read out, and seen to have been said.
  repeat() {
    const sentence = this.text.textContent;
    this.text.textContent = "";
    this.place.classList.remove("again");
    void this.place.offsetWidth;
    this.place.classList.add("again");
    this.text.textContent = sentence;
    this.place.scrollIntoView({ block: "nearest" });
  }
}

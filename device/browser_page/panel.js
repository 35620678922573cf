// This file shows what happens behind the scenes: what was said, what took how long, what it runs on and what it cost.

const MOST_LINES = 300; // of the journal and the conversation, shown
const MOST_TURNS = 20;

const element = (name, text = "", kind = "") => {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

export class Panel {
  constructor() {
    for (const name of ["conversation", "waterfall", "journal", "engines", "cost"]) this[name] = document.getElementById(name);
    this.clear();
  }

  clear() {
    this.conversation.replaceChildren();
    this.journal.replaceChildren();
    this.waterfall.replaceChildren(element("p", "Nothing yet: say something.", "nothing"));
    this.spent = { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0, cost_usd: 0 };
    this.turns = 0;
    this.showCost();
  }

  about({ engines = [], stages = [] }) {
    this.stages = new Map(stages.map((one) => [one.stage, one]));
    this.unpaid = engines.some(({ name }) => name === "rehearsal");
    this.engines.replaceChildren(
      ...engines.flatMap(({ part, name, remark }) => {
        const fact = element("dd");
        fact.append(element("strong", name), remark ? ` ${remark}` : "");
        return [element("dt", part), fact];
      }),
    );
    this.showCost();
  }

  event(event) {
    this.note(event);
    switch (event.event) {
      case "heard":
        return this.say("you", "You", event.text);
      case "said":
        return this.say("told", event.character, event.complete ? event.text : `${event.text} —`);
      case "gesture":
        return this.say("aside", "", event.text);
      case "ignored":
        return this.say("aside", "", `not answered: ${event.reason}`);
      case "interrupted":
        return this.say("aside", "", "interrupted");
      case "fault":
        return this.say("fault", "", event.text);
      case "turn":
        return this.turn(event);
    }
  }

  say(kind, who, words) {
    const line = element("li", "", kind);
    if (who) line.append(element("b", who), " ");
    line.append(words);
    append(this.conversation, line);
  }

  turn({ voice_to_voice: whole, stages, usage }) {
    this.turns += 1;
    if (this.turns === 1) this.waterfall.replaceChildren();
    const figure = element("figure");
    figure.append(element("figcaption", `${whole.toFixed(2)} s from your last word to its first`));
    const bars = element("ol");
    const total = Object.values(stages).reduce((sum, seconds) => sum + Math.max(0, seconds), 0) || 1;
    let begins = 0;
    for (const [stage, seconds] of Object.entries(stages)) {
      const { words = stage, colour = "#999" } = this.stages?.get(stage) ?? {};
      const row = element("li");
      const track = element("span", "", "track");
      const bar = element("span", "", "bar");
      bar.style.marginLeft = `${(100 * begins) / total}%`;
      bar.style.width = `${Math.max(1, (100 * Math.max(0, seconds)) / total)}%`;
      bar.style.background = colour;
      track.append(bar);
      row.append(element("span", words, "what"), track, element("span", `${Math.max(0, seconds).toFixed(2)} s`, "seconds"));
      bars.append(row);
      begins += Math.max(0, seconds);
    }
    figure.append(bars);
    this.waterfall.prepend(figure);
    while (this.waterfall.children.length > MOST_TURNS) this.waterfall.lastChild.remove();
    for (const [name, count] of Object.entries(usage ?? {})) this.spent[name] += count;
    this.showCost();
  }

  showCost() {
    const { prompt_tokens: asked, completion_tokens: said, cached_tokens: cached, cost_usd: dollars } = this.spent;
    const would = this.unpaid ? ", had they been asked: this is a rehearsal, and free" : "";
    this.cost.textContent = asked
      ? `${asked} tokens in (${cached} cached), ${said} out: at most $${dollars.toFixed(6)} at the vendor's prices${would}.`
      : "Nothing.";
  }

  note({ tell, at, event, ...fields }) {
    const told = Object.entries(fields).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
    const line = element("li");
    line.append(element("time", at.toFixed(2)), " ", element("b", event), ` ${told.join(" · ")}`);
    append(this.journal, line);
  }
}

// A line at the end of a list, which stays at its end unless somebody has scrolled up.
function append(list, line) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  while (list.children.length > MOST_LINES) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// The ladder: a list of steps, each with its messages, in which one is chosen.

const PLACES = { 3: [11, 57, 94], 4: [10, 50, 82, 97] };

class Ladder {
  constructor(list, call, choose) {
    this.list = list;
    this.places = PLACES[call.participants.length];
    this.several = severalClients(call.steps);
    list.closest(".ladder").dataset.participants = call.participants.length;
    $("participants").replaceChildren(...call.participants.map((name, place) => this.participant(name, place)));
    this.began = call.steps[0]?.at ?? 0;
    this.items = [];
    this.choose = choose;
    this.extend(call.steps);
  }

  // Add the steps that are not there yet.
  extend(steps) {
    const fragment = document.createDocumentFragment();
    for (let index = this.items.length; index < steps.length; index++) {
      const item = this.step(steps[index], steps[index - 1], index);
      this.items.push(item);
      fragment.append(item);
    }
    this.list.append(fragment);
  }

  participant(name, place) {
    const made = make("span", { class: "participant" }, name);
    if (place) made.style.left = `${this.places[place]}%`;
    return made;
  }

  step(step, last, index) {
    const moved = step.phases !== last?.phases;
    const quiet = step.messages.every((message) => message.tone === "quiet");
    const item = make("li", { role: "option", id: `step-${step.version}`, class: quiet ? "hushed" : null });
    item.addEventListener("click", () => this.choose(index));
    step.messages.forEach((message, place) => item.append(this.message(step, last, message, !place, moved)));
    item.style.containIntrinsicBlockSize = `auto ${1.9 * step.messages.length}rem`;
    return item;
  }

  message(step, last, message, first, moved) {
    const lanes = make("div", { class: "lanes" }, message.source === message.target ? make("bdi", {}, message.text) : this.arrow(message));
    return make("div", { class: `message ${message.tone}${message.source === message.target ? " sentence" : ""}` },
      make("span", { class: "time" }, first ? seconds(step.at - this.began) : ""),
      make("span", { class: "later" }, first && last ? `+${seconds(step.at - last.at)}` : ""),
      lanes,
      make("span", { class: moved ? "phases moved" : "phases", title: step.phases }, first ? step.phases : ""),
      message.details ? make("bdi", { class: "details" }, message.details) : "");
  }

  arrow(message) {
    const [left, right] = [this.places[message.source], this.places[message.target]].sort((a, b) => a - b);
    const resource = (message.client ?? "").split("/").slice(1).join("/");
    const label = this.several && resource ? `${message.text} (${resource})` : message.text;
    const way = message.source < message.target ? "right" : "left";
    const made = make("div", { class: `arrow ${way}`, title: escaped(label) }, make("bdi", {}, label));
    made.style.left = `${left}%`;
    made.style.width = `${right - left}%`;
    return made;
  }

  select(index) {
    this.list.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    const item = this.items[index];
    item.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  // Mark the steps that a search has found.
  mark(found) {
    this.items.forEach((item, index) => item.classList.toggle("found", found.has(index)));
  }
}

function severalClients(steps) {
  return new Set(steps.flatMap((step) => step.messages.map((message) => message.client)).filter((jid) => jid?.includes("/"))).size > 1;
}

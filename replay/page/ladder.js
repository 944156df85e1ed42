// The ladder: a list of steps, each with its rungs, in which one is chosen.

const PLACES = { 3: [11, 57, 94], 4: [10, 50, 82, 97] };

class Ladder {
  constructor(list, story, choose) {
    this.list = list;
    this.places = PLACES[story.posts.length];
    this.several = severalClients(story.steps);
    list.closest(".ladder").dataset.posts = story.posts.length;
    $("posts").replaceChildren(...story.posts.map((post, place) => this.post(post, place)));
    this.began = story.steps[0]?.at ?? 0;
    this.items = [];
    this.choose = choose;
    this.extend(story.steps);
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

  post(name, place) {
    const made = make("span", { class: "post" }, name);
    if (place) made.style.left = `${this.places[place]}%`;
    return made;
  }

  step(step, last, index) {
    const moved = step.phases !== last?.phases;
    const quiet = step.lines.every((line) => line.tone === "quiet");
    const item = make("li", { role: "option", id: `step-${step.version}`, class: quiet ? "hushed" : null });
    item.addEventListener("click", () => this.choose(index));
    step.lines.forEach((line, place) => item.append(this.rung(step, last, line, !place, moved)));
    item.style.containIntrinsicBlockSize = `auto ${1.9 * step.lines.length}rem`;
    return item;
  }

  rung(step, last, line, first, moved) {
    const lanes = make("div", { class: "lanes" }, line.start === line.end ? make("bdi", {}, line.label) : this.arrow(line));
    return make("div", { class: `rung ${line.tone}${line.start === line.end ? " sentence" : ""}` },
      make("span", { class: "time" }, first ? seconds(step.at - this.began) : ""),
      make("span", { class: "later" }, first && last ? `+${seconds(step.at - last.at)}` : ""),
      lanes,
      make("span", { class: moved ? "phases moved" : "phases", title: step.phases }, first ? step.phases : ""));
  }

  arrow(line) {
    const [left, right] = [this.places[line.start], this.places[line.end]].sort((a, b) => a - b);
    const resource = line.client.split("/").slice(1).join("/");
    const label = this.several && resource ? `${line.label} (${resource})` : line.label;
    const way = line.start < line.end ? "right" : "left";
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
  return new Set(steps.flatMap((step) => step.lines.map((line) => line.client)).filter((jid) => jid.includes("/"))).size > 1;
}

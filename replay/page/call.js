// The page of a call: one step is chosen, by slider, ladder, keys, search or address.

const LINK_MILLISECONDS = 100;

class CallPage {
  constructor(call) {
    this.all = false;
    this.index = -1;
    this.found = [];
    this.read(call);
    this.ladder = new Ladder($("steps"), this.call, (index) => this.select(index));
    this.listen();
    this.select(this.linked(location) ?? 0);
  }

  // Take in the data of a call; the states are made of its changes.
  read(call) {
    let state = call.before;
    call.states = call.steps.map((step) => {
      const before = changed(state, step.meanwhile);
      state = changed(before, step.changes);
      return [before, state];
    });
    this.call = call;
    this.head();
    $("slider").max = Math.max(call.steps.length, 1);
  }

  // Say what became of the call.
  head() {
    const { call } = this;
    $("title").replaceChildren(...title(call));
    $("summary").replaceChildren(...summary(call));
    $("facts").hidden = !call.told;
    $("told").replaceChildren(make("bdi", {}, call.told));
    $("details").replaceChildren(...facts(call).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, make("bdi", {}, value))]));
  }

  // Take in the data as it is by now. Whoever looks at the last step goes on with it.
  renew(call) {
    const follows = this.index === this.call.steps.length - 1;
    this.read(call);
    this.ladder.extend(call.steps);
    this.search();
    this.select(follows ? call.steps.length - 1 : this.index);
  }

  select(index) {
    const { steps } = this.call;
    if (!steps.length) return;
    this.index = Math.min(Math.max(index, 0), steps.length - 1);
    const step = steps[this.index];
    $("slider").value = this.index + 1;
    $("slider").setAttribute("aria-valuetext", `step ${this.index + 1} of ${steps.length}: ${step.messages[0].text}`);
    $("place").textContent = `step ${this.index + 1} of ${steps.length}`;
    this.ladder.select(this.index);
    this.show();
    clearTimeout(this.linking); // a browser takes only so many addresses a second
    this.linking = setTimeout(() => history.replaceState(null, "", `#${step.version}`), LINK_MILLISECONDS);
  }

  show() {
    $("step").replaceChildren(...stepInFull(this.call, this.index, this.all, () => this.switchAll()));
    this.light();
  }

  switchAll() {
    this.all = !this.all;
    this.show();
    $("all").focus({ preventScroll: true });
  }

  switchBrief() {
    $("steps").classList.toggle("brief", $("brief").checked);
    this.ladder.select(this.index);
  }

  // So many steps on; among messages only, the quiet ones do not count.
  move(count) {
    const { steps } = this.call, way = Math.sign(count);
    let to = this.index;
    for (let index = to + way, left = Math.abs(count); left && steps[index]; index += way) {
      if ($("brief").checked && this.ladder.items[index].classList.contains("hushed")) continue;
      to = index;
      left--;
    }
    this.select(to);
  }

  // The step that an address names.
  linked({ hash }) {
    const index = this.call.steps.findIndex((step) => `#${step.version}` === hash);
    return index < 0 ? null : index;
  }

  // --- search

  get wanted() {
    return $("search").value.trim().toLowerCase();
  }

  search() {
    const { wanted } = this;
    this.found = wanted ? [...this.call.steps.keys()].filter((index) => this.text(index).includes(wanted)) : [];
    this.ladder.mark(new Set(this.found));
    lightUp("on-ladder", $("steps"), wanted);
    this.light();
  }

  text(index) {
    const { version, phases, event, commands, messages } = this.call.steps[index];
    const labels = messages.map((message) => [message.text, message.details]);
    return JSON.stringify([version, phases, event, commands, labels]).toLowerCase();
  }

  // Say which match is shown, and light it up.
  light() {
    const { wanted } = this;
    const place = this.found.indexOf(this.index);
    $("found").textContent = wanted ? `${place < 0 ? "" : `${place + 1} of `}${this.found.length || "none"}` : "";
    lightUp("in-step", $("step"), wanted);
  }

  next(way) {
    if (!this.found.length) return;
    const ahead = this.found.filter((index) => (way > 0 ? index > this.index : index < this.index));
    this.select((way > 0 ? ahead[0] : ahead.at(-1)) ?? (way > 0 ? this.found[0] : this.found.at(-1)));
  }

  copy() {
    const { user, id, steps, states } = this.call, { version, at, event, commands, due } = steps[this.index];
    const [before, after] = states[this.index];
    copy({ user, call: id, version, at, event, commands, before, after, due }, `Step ${this.index + 1}`);
  }

  // What happened, with all that others find the call by, as it is passed on.
  copyTold() {
    const { user, id, told } = this.call;
    const lines = [["Call", `${user}/${id}`], ...facts(this.call)].map(([name, value]) => `    ${name}: ${value}`);
    copyText([told, "", ...lines, ""].join("\n"), "What happened");
  }

  copyLadder(name, kind) {
    copyText(`${this.call[name]}\n`, `The ladder ${kind}`);
  }

  // --- keys and clicks

  listen() {
    $("slider").addEventListener("input", () => this.select($("slider").valueAsNumber - 1));
    $("back").addEventListener("click", () => this.move(-1));
    $("forward").addEventListener("click", () => this.move(1));
    $("copy").addEventListener("click", () => this.copy());
    $("copy-told").addEventListener("click", () => this.copyTold());
    $("copy-text").addEventListener("click", () => this.copyLadder("text", "as text"));
    $("copy-mermaid").addEventListener("click", () => this.copyLadder("mermaid", "for Mermaid"));
    $("menu").addEventListener("click", (event) => event.target.matches("button, a") && ($("menu").open = false));
    document.addEventListener("click", (event) => $("menu").contains(event.target) || ($("menu").open = false));
    $("facts").addEventListener("toggle", () => remember("facts", $("facts").open ? "open" : "closed"));
    $("brief").addEventListener("change", () => this.switchBrief());
    $("help").addEventListener("click", () => $("keys").showModal());
    $("search").addEventListener("input", () => this.searchAndGo());
    $("search").addEventListener("keydown", (event) => this.searchKey(event));
    // Meanwhile the address may be another one, written by ourselves.
    addEventListener("hashchange", ({ newURL }) => this.select(this.linked(new URL(newURL)) ?? this.index));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  searchAndGo() {
    this.search();
    if (this.found.length && !this.found.includes(this.index)) this.next(1);
  }

  searchKey(event) {
    if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") $("steps").focus();
    else return;
    event.preventDefault();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open || event.target === $("search")) return;
    const act = {
      ArrowLeft: () => this.move(-1),
      ArrowUp: () => this.move(-1),
      ArrowRight: () => this.move(1),
      ArrowDown: () => this.move(1),
      PageUp: () => this.move(-10),
      PageDown: () => this.move(10),
      Home: () => this.select(0),
      End: () => this.select(this.call.steps.length - 1),
      "/": () => $("search").select(),
      n: () => this.next(1),
      N: () => this.next(-1),
      m: () => $("brief").click(),
      a: () => this.switchAll(),
      c: () => this.copy(),
      w: () => this.copyTold(),
      x: () => this.copyLadder("text", "as text"),
      d: () => this.copyLadder("mermaid", "for Mermaid"),
      z: switchZone,
      t: switchTheme,
      "?": () => $("keys").showModal(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

// --- what became of the call

function notes(call) {
  const told = call.steps.flatMap((step) => step.commands.map(({ id, command }) => ({ step, id, command })));
  return told.filter(({ command }) => command.type.startsWith("Note") && command.call === call.id);
}

function title(call) {
  const begun = notes(call).find(({ command }) => command.type === "NoteBegun")?.command;
  const user = make("bdi", {}, call.user);
  if (!begun) return [user];
  const peer = make("bdi", {}, begun.name && begun.peer ? `${begun.name} (${begun.peer})` : begun.name || begun.peer || "somebody anonymous");
  return begun.direction === "out" ? [user, " calls ", peer] : [peer, " calls ", user];
}

function summary(call) {
  const { steps } = call;
  if (!steps.length) return ["There is no such call."];
  const ended = notes(call).find(({ command }) => command.type === "NoteEnded");
  const message = ended?.step.messages.find((each) => each.command === ended.id);
  const last = ended?.step ?? steps.at(-1);
  return [
    make("span", {}, `Call ${call.id} · ${clock(steps[0].at)} ${zoneName(steps[0].at)} · ${seconds(last.at - steps[0].at)} s`),
    make("span", { class: `ending ${message?.tone ?? ""}` }, message?.text ?? "It has not ended."),
  ];
}

// What others find the call by. Times are in the chosen zone and, if that is another one, in UTC as well.
function facts({ began, ended, facts }) {
  const times = [["Began", began], ["Ended", ended]].filter(([, at]) => at !== null);
  return [...times.map(([name, at]) => [name, bothZones(at)]), ...facts];
}

function bothZones(at) {
  const zone = zoneName(at), there = `${clock(at)} ${zone}`;
  return zone === "UTC" ? there : `${there} (${clock(at, false)} UTC)`;
}

// Light up a text wherever it is seen in a place (CSS Custom Highlight API).
function lightUp(name, place, wanted) {
  const ranges = [];
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (wanted && walker.nextNode()) {
    const node = walker.currentNode, text = node.data.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      ranges.push(new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + wanted.length }));
    }
  }
  CSS.highlights?.set(name, new Highlight(...ranges));
}

startTheme();
$("facts").open = (remembered("facts") ?? (innerWidth > 960 && innerHeight > 700 ? "open" : "")) === "open";
const page = new CallPage(data);
startZone(() => {
  page.head();
  page.show();
});
$("up").hidden = $("export").hidden = !source;
$("user").href = `../../user/${encodeURIComponent(data.user)}`;
$("export").href = `${data.id}/export`;
watch(() => source, (call) => page.renew(call));

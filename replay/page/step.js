// A step in full: its event, the state before and after it, the commands it led to, and what was due.

function stepInFull(call, index, all, switchAll) {
  const step = call.steps[index], [before, after] = call.states[index];
  const past = call.steps[index - 1];
  const when = [
    `${clock(step.at)} ${zoneName(step.at)}`,
    `${seconds(step.at - call.steps[0].at)} s into the call`,
    ...(past ? [`${seconds(step.at - past.at)} s after the step before`] : []),
  ];
  return [
    make("header", {}, make("h2", {}, `Event ${step.version}: `, make("bdi", {}, step.messages[0].text)), make("p", {}, when.join(" · "))),
    part("Event", step.event, block(step.event)),
    stateOf(before, after, all, switchAll),
    part("Commands", step.commands, commands(call, step)),
    part("Deadlines", step.due, deadlines(step)),
  ];
}

// A headed part whose value can be copied.
function part(name, value, ...content) {
  const button = make("button", { type: "button", class: "small", onclick: () => copy(value, name) }, "Copy");
  button.setAttribute("aria-label", `Copy ${name.toLowerCase()} as JSON`);
  return make("section", { class: "part" }, make("div", { class: "head" }, make("h3", {}, name), button), ...content);
}

// --- state

function stateOf(before, after, all, switchAll) {
  const rows = compared(before, after, all);
  const toggle = make("button", { type: "button", class: "small", "aria-pressed": String(all), onclick: switchAll, id: "all" },
    "All of the state");
  const made = part("State", { before, after }, rows.length ? stateTable(rows, all) : make("p", { class: "none" }, "Nothing has changed."));
  made.querySelector(".head").append(toggle);
  return made;
}

function stateTable(rows, all) {
  const titles = make("tr", {}, ...["Where", "Before", "After"].map((title) => make("th", { scope: "col" }, title)));
  return make("table", { class: all ? "state all" : "state" }, make("thead", {}, titles),
    make("tbody", {}, rows.map((row) => stateRow(row, all))));
}

function stateRow({ path, before, after, same, title }, all) {
  const where = make("th", { scope: "row" }, ...whereOf(path, all));
  if (all) where.dataset.depth = Math.min(path.length - 1, 9);
  if (title !== undefined) return make("tr", { class: "title" }, where, make("td", { colspan: 2 }, make("span", { class: "type" }, title)));
  if (same) return make("tr", { class: "same" }, where, make("td", { colspan: 2 }, block(after)));
  const both = before !== undefined && after !== undefined;
  const sides = [["del", "gone", before], ["ins", "new", after]].filter(([, , value]) => value !== undefined);
  return make("tr", { class: "changed" }, where, sides.map(([tag, news, value]) =>
    make("td", { colspan: both ? 1 : 2 }, make(tag, {}, both ? "" : make("span", { class: "news" }, news), block(value)))));
}

function whereOf(path, all) {
  const last = path.at(-1) ?? "all";
  return all || path.length < 2 ? [make("bdi", {}, last)] : [make("span", { class: "above" }, `${path.slice(0, -1).join(".")}.`), make("bdi", {}, last)];
}

// --- commands and deadlines

function commands(call, step) {
  if (!step.commands.length) return make("p", { class: "none" }, "None.");
  const drawn = new Map(step.messages.filter((message) => message.command).map((message) => [message.command, message]));
  return make("ol", { class: "commands" }, step.commands.map(({ id, command }) => {
    const message = drawn.get(id);
    return make("li", { class: message ? message.tone : "other" },
      make("span", { class: "id" }, id), block(command), message ? "" : make("span", { class: "none" }, "not for this call"));
  }));
}

function deadlines(step) {
  const key = (deadline) => `${deadline.name} ${deadline.at}`;
  const were = new Set(step.was_due.map(key)), are = new Set(step.due.map(key));
  const rows = [
    ...step.due.map((deadline) => [deadline, were.has(key(deadline)) ? "" : "armed"]),
    ...step.was_due.filter((deadline) => !are.has(key(deadline))).map((deadline) => [deadline, "cleared"]),
  ].sort(([a], [b]) => a.at - b.at);
  if (!rows.length) return make("p", { class: "none" }, "Nothing is due.");
  return make("table", { class: "due" }, make("tbody", {}, rows.map(([deadline, news]) =>
    make("tr", { class: news || null },
      make("th", { scope: "row" }, make("bdi", {}, deadline.name)),
      make("td", { title: `${clock(deadline.at)} ${zoneName(deadline.at)}` }, `in ${seconds(deadline.at - step.at)} s`),
      make("td", {}, news ? make("span", { class: "tag" }, news) : "")))));
}

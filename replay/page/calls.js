// The page of all calls: those that are wanted, the latest first, or the failures among them in groups.

const FIELDS = ["text", "view", "user", "with", "call_id", "direction", "ending", "by", "ended", "reason", "since", "until"];
const TIMES = ["since", "until"];
const FIRST = ["text", "view"];

// The call before which the calls are wanted, "" for the latest.
let { before = "" } = Object.fromEntries(new URLSearchParams(location.search));
let known = data;

// What is wanted, by name: times in UTC, whatever zone they are shown in.
function wanted() {
  const told = new FormData($("wanted"));
  const fields = FIELDS.map((name) => [name, told.get(name)]).filter(([, value]) => value);
  return fields.map(([name, value]) => [name, TIMES.includes(name) ? inUtc(value) : value]);
}

// The question to the source, which is in the page's own address too, so that it can be kept.
function question(call = before) {
  return new URLSearchParams(call ? [...wanted(), ["before", call]] : wanted()).toString();
}

function grouped() {
  return $("wanted").elements.view.value === "groups";
}

function show(news) {
  known = news;
  const { calls, groups, all, older } = news;
  if (grouped() !== Boolean(groups)) return;
  $("each").hidden = Boolean(groups) || !calls.length;
  $("groups").hidden = !groups?.length;
  $("nothing").hidden = Boolean((groups ?? calls).length);
  if (groups) fill($("grouped"), groups.map(groupRow));
  else fill($("found"), calls.map(callRow));
  lead($("older"), older && question(older));
  lead($("latest"), before && question(""));
  $("summary").textContent = groups ? failures(groups, all) : counted(calls, all);
}

function counted(calls, all) {
  const which = before ? "older ones" : "the latest";
  const more = calls.length < all ? `; these are ${calls.length} ${before ? "" : "of "}${which}` : "";
  return `${all} ${all === 1 ? "call" : "calls"}${wanted().length ? " like that" : " in the log"}${more}`.replace("of the latest", "of them, the latest");
}

function failures(groups, all) {
  return `${all} ${all === 1 ? "call" : "calls"} failed, in ${groups.length} ${groups.length === 1 ? "way" : "ways"}`;
}

function lead(link, to) {
  link.hidden = !to && to !== "";
  if (!link.hidden) link.href = `?${to}`;
}

// Say how many of the filters that may be out of sight are set.
function count() {
  const set = wanted().filter(([name]) => !FIRST.includes(name)).length;
  $("set").textContent = set ? `(${set} set)` : "";
}

async function renew() {
  before = "";
  history.replaceState(null, "", question() ? `?${question()}` : location.pathname);
  count();
  await ask();
}

function readAddress() {
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (FIELDS.includes(name)) $("wanted").elements[name].value = TIMES.includes(name) ? fromUtc(value) : value;
  }
  count();
}

startTheme();
startZone(() => {
  readAddress();
  nameZone();
  show(known);
});
readAddress();
nameZone();
$("more").open = Boolean($("set").textContent) && innerWidth > 800;
const ask = watch(() => (grouped() ? `groups?${question()}` : `${source}?${question()}`), show);
$("wanted").addEventListener("input", renew);
$("wanted").addEventListener("submit", (event) => event.preventDefault());
$("wanted").addEventListener("reset", () => setTimeout(renew));
$("help").addEventListener("click", () => $("keys").showModal());
listKeys({ "/": () => $("search").select(), "?": () => $("keys").showModal() });
show(data);
if (grouped()) ask();

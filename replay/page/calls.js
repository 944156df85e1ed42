// The page of all calls: those that are wanted, the latest first, each a link to its page.

const FIELDS = ["text", "direction", "ending", "since", "until"];

// The question to the source, which is in the page's own address too, so that it can be kept.
function question() {
  const told = new FormData($("wanted"));
  const fields = FIELDS.filter((name) => told.get(name)).map((name) => [name, told.get(name)]);
  return new URLSearchParams(fields).toString();
}

function show({ calls, all }) {
  $("found").replaceChildren(...calls.map(row));
  const more = calls.length < all ? `; these are the latest ${calls.length}` : "";
  $("summary").textContent = `${all} ${all === 1 ? "call" : "calls"}${question() ? " like that" : " in the log"}${more}`;
}

function row(call) {
  const address = `call/${encodeURIComponent(call.user)}/${call.call.slice(call.user.length + 1)}`;
  return make("tr", { class: call.failed ? "failed" : null },
    make("th", { scope: "row" }, make("a", { href: address }, call.began.replace("T", " ").replace("Z", ""))),
    make("td", {}, make("bdi", {}, call.user)),
    make("td", {}, make("bdi", {}, call.with)),
    make("td", { class: "right" }, call.waited === null ? "" : `${seconds(call.waited)} s`),
    make("td", { class: "right" }, call.talked === null ? "" : `${seconds(call.talked)} s`),
    make("td", {}, call.audio),
    make("td", {}, make("bdi", {}, call.ending)));
}

async function renew() {
  history.replaceState(null, "", question() ? `?${question()}` : location.pathname);
  await ask();
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "/") $("search").select();
  else if (event.key === "t") switchTheme();
  else return;
  event.preventDefault();
}

startTheme();
for (const [name, value] of new URLSearchParams(location.search)) {
  if (FIELDS.includes(name)) $("wanted").elements[name].value = value;
}
const ask = watch(() => `${source}?${question()}`, show);
$("wanted").addEventListener("input", renew);
$("wanted").addEventListener("submit", (event) => event.preventDefault());
$("wanted").addEventListener("reset", () => setTimeout(renew));
document.addEventListener("keydown", key);
show(data);

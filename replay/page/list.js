// What the lists of calls share: rows, of which each is a link that the arrow keys reach, and the keys.

// The folder of all pages, from where this page is.
const { up } = document.body.dataset;

function callRow(call) {
  const id = call.call.slice(call.user.length + 1);
  return make("tr", { class: call.failed ? "failed" : null },
    make("th", { scope: "row" }, make("a", { class: "open", href: `${up}call/${encodeURIComponent(call.user)}/${id}` }, instant(call.began))),
    make("td", { class: "of" }, userLink(call.user)),
    make("td", { class: "with" }, make("bdi", {}, call.with)),
    make("td", { class: "right waited" }, call.waited === null ? "" : `${seconds(call.waited)} s`),
    make("td", { class: "right time" }, call.talked === null ? "" : `${seconds(call.talked)} s`),
    make("td", { class: "path" }, call.path),
    make("td", { class: "end" }, make("bdi", {}, call.ending)));
}

function groupRow(group) {
  const alike = { user: group.user, with: group.domain && `@${group.domain}`, by: group.by, ended: group.cause, reason: group.reason, ending: "failed" };
  const query = new URLSearchParams(Object.entries(alike).filter(([, value]) => value));
  return make("tr", { class: "failed" },
    make("th", { scope: "row" }, make("a", { class: "open", href: `${up || "./"}?${query}` }, group.number === 1 ? "once" : `${group.number} times`)),
    make("td", { class: "of" }, userLink(group.user)),
    make("td", { class: "with" }, make("bdi", {}, group.domain)),
    make("td", { class: "end" }, make("bdi", {}, group.ending)),
    make("td", { class: "time" }, instant(group.last)));
}

function userLink(user) {
  return make("a", { href: `${up}user/${encodeURIComponent(user)}` }, make("bdi", {}, user));
}

// A time of the log (ISO 8601, UTC), in the zone that was chosen; without fractions, which a list does not need.
function instant(text) {
  return text === null ? "" : clock(Date.parse(text) / 1000).slice(0, 19);
}

// Fill a table anew; whoever was in one of its rows stays there.
function fill(body, rows) {
  const held = body.contains(document.activeElement) ? document.activeElement.href : null;
  body.replaceChildren(...rows);
  if (held) [...body.querySelectorAll("a")].find((link) => link.href === held)?.focus();
}

// The zone of all times in a list. Its distance from UTC is not that of each: there is daylight saving time.
function nameZone() {
  const zone = isLocal() ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
  for (const title of document.querySelectorAll("thead th:is(:first-child, :last-child)")) {
    if (/^(Began|Last|Since)/.test(title.textContent)) title.textContent = `${title.textContent.split(" ")[0]} (${zone})`;
  }
}

// Go to a row: so many on from the one that has the focus, or from the top.
function goToRow(count) {
  const links = [...document.querySelectorAll("main a.open")].filter((link) => link.checkVisibility());
  const at = links.indexOf(document.activeElement);
  const to = at < 0 && count < Infinity ? 0 : Math.min(Math.max(at + count, 0), links.length - 1);
  links[to]?.focus();
}

function listKeys(more) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys")?.open || event.target.matches("input, select")) return;
    const act = {
      ArrowDown: () => goToRow(1),
      ArrowUp: () => goToRow(-1),
      Home: () => goToRow(-Infinity),
      End: () => goToRow(Infinity),
      t: switchTheme,
      z: switchZone,
      ...more,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

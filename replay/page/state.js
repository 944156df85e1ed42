// States: made from the changes between them, compared, and shown as rows.

// A tree with changes made (see replay/drawing/json_diff.py); whatever they do not touch is the same object as before.
function changed(tree, changes) {
  return changes.reduce((made, [path, ...value]) => put(made, path, value), tree);
}

function put(tree, path, value) {
  if (!path.length) return value[0];
  const [name, ...rest] = path;
  const made = Array.isArray(tree) ? [...tree] : { ...tree };
  if (!rest.length && !value.length) delete made[name];
  else made[name] = put(tree[name], rest, value);
  return made;
}

// --- values on a line

function isTree(value) {
  return value !== null && typeof value === "object";
}

// A number above is a time, in seconds since 1970: there are no other large ones with a fraction.
const LONG_AGO = 1e9;

function leaf(value) {
  if (value === null) return "none";
  if (value === "") return '""';
  if (typeof value === "number" && value > LONG_AGO && !Number.isInteger(value)) return clock(value);
  return String(value);
}

function inline(value) {
  if (!isTree(value)) return leaf(value);
  if (Array.isArray(value)) return value.length ? value.map(inline).join(", ") : "empty";
  const told = brief(value) ?? named(value).map(([name, part]) => `${name}=${inline(part)}`).join(", ");
  if (brief(value)) return told;
  if (value.type) return told ? `${value.type}(${told})` : value.type;
  return told || "empty";
}

// The short form of a plain codec or address; null for anything else.
function brief({ type, ...rest }) {
  const has = Object.keys(rest).sort().join(" ");
  if (has === "clockrate id name") return `${rest.id}=${rest.name}/${rest.clockrate}`;
  if (has === "component ip port") return `${rest.component}=${rest.ip}:${rest.port}`;
  return null;
}

function kind(value) {
  if (value === null || value === "" || (isTree(value) && !Object.keys(value).length)) return "nothing";
  return isTree(value) ? "tree" : typeof value;
}

// A value, on one line if it fits, else its parts below each other.
const WIDTH = 64;

function block(value) {
  if (!isTree(value)) return make("bdi", { class: kind(value) }, leaf(value));
  const whole = inline(value);
  if (whole.length <= WIDTH) return make("bdi", { class: kind(value) }, whole);
  const list = make("dl", { class: "parts" }, parts(value));
  return value.type ? make("div", {}, make("span", { class: "type" }, value.type), list) : list;
}

// What fits on a line has its name on the left; what does not has its parts below its name, further to the right.
function parts(value, depth = 0) {
  return named(value).flatMap(([name, part]) => {
    const label = make("dt", { "data-depth": depth }, name);
    const whole = inline(part);
    if (isTree(part) && whole.length > WIDTH) return [label, make("dd", { class: "type" }, part.type ?? ""), ...parts(part, depth + 1)];
    return [label, make("dd", {}, make("bdi", { class: kind(part) }, whole))];
  });
}

function named(tree) {
  return Object.entries(tree).filter(([name]) => name !== "type");
}

// --- two states compared

// Rows {path, before, after}: what is different, as deep in the trees as they are alike, and, if `all`, what is not,
// with `same`. What has become another thing, as a leg in its next phase, has a row of its own, and its parts follow.
function compared(before, after, all, path = [], rows = []) {
  if (before === after || JSON.stringify(before) === JSON.stringify(after)) {
    if (all) unfolded(after, path, rows);
    return rows;
  }
  if (!alike(before, after)) {
    rows.push({ path, before, after });
    return rows;
  }
  if (before.type !== after.type) rows.push({ path, before: before.type, after: after.type });
  else if (all && path.length) rows.push({ path, title: after.type ?? "" });
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (name !== "type") compared(before[name], after[name], all, [...path, name], rows);
  }
  return rows;
}

function alike(before, after) {
  return isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after);
}

function unfolded(value, path, rows) {
  if (!isTree(value) || inline(value).length <= WIDTH) {
    rows.push({ path, after: value, same: true });
    return;
  }
  if (path.length) rows.push({ path, title: value.type ?? "" });
  for (const [name, part] of named(value)) unfolded(part, [...path, name], rows);
}

// What all pages share: making elements, showing text that may be hostile, the theme, copying.
"use strict";

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;
const RUNS = /([\p{C}\p{Zl}\p{Zp}]+)/u;

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const { source } = $("data").dataset;

// An element with attributes (or listeners, by "onclick" and the like) and children; a string is shown as text.
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().map((child) => (typeof child === "string" ? shown(child) : child)));
  return made;
}

// Text as it is, but for what cannot be seen or changes how its neighbours are seen: that is written as its number.
function shown(text) {
  const fragment = document.createDocumentFragment();
  for (const run of text.split(RUNS)) {
    if (!run) continue;
    if (!UNSEEN.test(run)) {
      fragment.append(run);
      continue;
    }
    const escape = document.createElement("span");
    escape.className = "escape";
    escape.textContent = escaped(run);
    fragment.append(escape);
  }
  return fragment;
}

function escaped(text) {
  return [...text].map((c) => (UNSEEN.test(c) ? `\\u{${c.codePointAt(0).toString(16)}}` : c)).join("");
}

// A time of the log (seconds since 1970), in the reader's zone or in UTC.
function clock(at, local = isLocal()) {
  const time = new Date(at * 1000);
  const shift = local ? -time.getTimezoneOffset() * 60_000 : 0;
  return new Date(time.getTime() + shift).toISOString().replace("T", " ").replace("Z", "");
}

function seconds(value) {
  return value.toFixed(3);
}

function say(sentence) {
  $("said").textContent = "";
  $("said").textContent = sentence;
}

// JSON in which whatever cannot be seen is escaped, on the clipboard.
async function copy(value, what) {
  await copyText(JSON.stringify(value, null, 2).replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, asJson), what);
}

async function copyText(text, what) {
  await navigator.clipboard.writeText(text);
  say(`${what} is on the clipboard.`);
  flash(`${what} copied`);
}

function asJson(character) {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}

function flash(sentence) {
  document.querySelector(".flash")?.remove();
  const made = make("div", { class: "flash", "aria-hidden": "true" }, sentence);
  made.addEventListener("animationend", () => made.remove());
  document.body.append(made);
}

// --- dark and light: as the system has it, until somebody chooses

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
  nameTheme();
}

function nameTheme() {
  $("theme").replaceChildren(isDark() ? "Light" : "Dark");
}

// A page from a file, or without a profile, may have no place to remember anything.
function remember(name, value) {
  try {
    localStorage.setItem(`fargo.${name}`, value);
  } catch {}
}

function remembered(name) {
  try {
    return localStorage.getItem(`fargo.${name}`);
  } catch {
    return null;
  }
}

function startTheme() {
  const theme = remembered("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  $("theme").addEventListener("click", switchTheme);
  nameTheme();
}

// --- local time and UTC: local, until somebody chooses

function isLocal() {
  return (document.documentElement.dataset.zone ?? remembered("zone")) !== "UTC";
}

// The name of the zone at a time: its distance from UTC there and then.
function zoneName(at) {
  const minutes = isLocal() ? -new Date(at * 1000).getTimezoneOffset() : 0, size = Math.abs(minutes);
  const pair = (number) => String(Math.floor(number)).padStart(2, "0");
  return minutes ? `UTC${minutes < 0 ? "\u2212" : "+"}${pair(size / 60)}:${pair(size % 60)}` : "UTC";
}

// Of a field for times (datetime-local): what was entered, in UTC, and what is in UTC, as it is to be entered.
function inUtc(value) {
  return isLocal() ? new Date(value).toISOString().slice(0, 16) : value;
}

function fromUtc(value) {
  const at = Date.parse(`${value}Z`) / 1000;
  return Number.isNaN(at) ? "" : clock(at).replace(" ", "T").slice(0, 16);
}

let zoneSwitched = () => {};

function switchZone() {
  const zone = isLocal() ? "UTC" : "local";
  document.documentElement.dataset.zone = zone;
  remember("zone", zone);
  nameZoneButton();
  zoneSwitched();
}

function nameZoneButton() {
  $("zone").replaceChildren(isLocal() ? "Show UTC" : "Show local time");
}

function startZone(act) {
  zoneSwitched = act;
  $("zone").addEventListener("click", switchZone);
  nameZoneButton();
}

// --- a page that is served: what is new

const POLL_MILLISECONDS = 2000;

// Ask the source for as long as somebody looks, and hand on what it says if that is not what it said before.
function watch(address, take) {
  let tag = "", tagged = "";
  async function ask() {
    const asked = address();
    if (asked !== tagged) tag = "";
    const answer = await fetch(asked, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    document.body.classList.toggle("stale", !answer.ok && answer.status !== 304);
    if (!answer.ok) return;
    const news = await answer.json();
    if (asked !== address()) return; // somebody asked for something else meanwhile
    [tag, tagged] = [answer.headers.get("ETag") ?? "", asked];
    take(news);
  }
  async function keepAsking() {
    if (!document.hidden) await ask().catch(() => document.body.classList.add("stale"));
    setTimeout(keepAsking, POLL_MILLISECONDS);
  }
  if (source) setTimeout(keepAsking, POLL_MILLISECONDS);
  return ask;
}

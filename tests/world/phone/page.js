// The page around the phone: its display, its buttons and its keyboard shortcuts.
//
// `window.phone` is the phone itself, for scripts that control the page. If there is a function `window.told`, it gets
// every report of the phone, as JSON.

import { JID } from "stanza";
import { Phone } from "./phone.js";

const KEYS = "123456789*0#";
const MOST_EVENTS = 200;
const REASONS = {
    success: "Hung up",
    cancel: "Cancelled",
    decline: "Declined",
    busy: "Busy",
    gone: "The number does not exist",
    timeout: "No answer",
    expired: "No answer",
    "connectivity-error": "The connection was lost",
    "security-error": "Not allowed",
    "incompatible-parameters": "The two phones are incompatible",
    "unsupported-applications": "The two phones are incompatible",
    "unsupported-transports": "There is no usable path for the audio",
};
const CONNECTIONS = { connected: "Connected", failed: "No path for the audio was found" };
const CALLING = { calling: "Calling", ringing: "Ringing at", incoming: "Call from", answered: "Talking with" };

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
const phone = new Phone(told);
window.phone = phone;

function told(kind, details = {}) {
    window.told?.(JSON.stringify({ kind, ...details }));
    write(kind, details);
    if (kind === "online") comeIn(details.jid);
    if (kind === "offline") leave("Logged out, or the connection was lost.");
    if (kind === "contacts") showPeople();
    if (kind === "wrote" || kind === "text") showText(kind === "wrote", details);
    if (kind === "delivered" || kind === "undelivered") mark(kind, details);
    if (kind in CALLING || ["hold", "resumed", "connection", "ended"].includes(kind)) showCall(kind, details);
}

// Status

function say(phase, detail = "", mood = "idle") {
    $("phase").textContent = phase;
    $("detail").textContent = detail;
    $("status").dataset.mood = mood;
}

function showCall(kind, details) {
    const { call } = phone;
    $("dial").hidden = $("people").hidden = Boolean(call);
    $("controls").hidden = !call;
    $("answer").hidden = !call?.incoming || call.answered;
    $("mute").hidden = $("hold").hidden = $("keypad").hidden = $("sound").hidden = !call?.answered;
    $("hang-up").textContent = $("answer").hidden ? "Hang up" : "Decline";
    $("mute").ariaPressed = String(Boolean(call?.muted));
    $("hold").ariaPressed = String(Boolean(call?.held));
    if (kind === "ended") {
        const good = ["success", "cancel"].includes(details.reason) || details.incoming;
        say(REASONS[details.reason] ?? `Failed (${details.reason})`, details.text, good ? "idle" : "bad");
        $("to").focus();
    } else if (call?.answered) {
        const held = call.held ? "On hold" : call.heldByPeer ? "You are on hold" : "";
        say(`${CALLING.answered} ${name(call.peer)}`, held || connection(call), held ? "waiting" : "good");
    } else if (kind in CALLING) {
        say(`${CALLING[kind]} ${name(call.peer)}`, "", "waiting");
        if (kind === "incoming") $("answer").focus();
    }
}

function connection(call) {
    const state = call.session?.pc.connectionState;
    return CONNECTIONS[state] ?? "Connecting the audio…";
}

/** Return a contact as people write it. For a contact of the gateway that is the SIP address or number. */
function name(jid) {
    const bare = JID.toBare(jid);
    if (JID.getDomain(bare) !== phone.gateway || bare === phone.gateway) return bare;
    return JID.unescapeLocal(JID.getLocal(bare)).replace(/%([^%]*)$/, "@$1");
}

async function showSound() {
    const { call } = phone;
    if (!call?.answered) return;
    const { sent, received, codec, srtp } = await phone.statistics();
    const { hertz } = phone.heard();
    const about = [codec.replace("audio/", ""), srtp && "DTLS-SRTP", hertz ? `receives ${hertz} Hz` : "receives silence"];
    const packets = `${sent.packets} packets sent, ${received.packets} received`;
    $("sound").textContent = [packets, ...about].filter(Boolean).join(" · ");
}

setInterval(() => showSound().catch(() => undefined), 500);

// People

function showPeople() {
    const people = [...phone.contacts].filter(([jid]) => jid !== phone.gateway && jid !== phone.bareJid);
    $("contacts").replaceChildren(...people.map(([jid]) => new Option(name(jid), name(jid))));
    $("people").replaceChildren(...people.map(([jid, { resources }]) => person(jid, resources.size > 0)));
    const gateway = phone.contacts.get(phone.gateway);
    $("who").textContent = [phone.bareJid, gateway?.status].filter(Boolean).join(" · ");
}

function person(jid, there) {
    const button = make("button", { type: "button", textContent: name(jid) });
    button.classList.toggle("there", there);
    button.title = there ? "online" : "offline";
    button.addEventListener("click", () => phone.dial(jid).catch(wrong));
    const item = make("li");
    item.append(button);
    return item;
}

// Logging in

function comeIn() {
    $("log-in").hidden = true;
    for (const id of ["phone", "texts", "settings", "log"]) $(id).hidden = false;
    $("write").elements.whom.value ||= phone.gateway;
    $("account").hidden = !phone.gateway;
    say("Ready", "Call a number, a SIP address or a contact.");
    showPeople();
    $("to").focus();
}

function leave(why) {
    $("log-in").hidden = false;
    for (const id of ["phone", "texts", "settings", "account"]) $(id).hidden = true;
    $("who").textContent = why;
}

function wrong(error) {
    say("Failed", error.message, "bad");
}

$("log-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const button = event.target.querySelector("button");
    button.disabled = true;
    try {
        await phone.logIn({ ...Object.fromEntries(form), asksFirst: form.has("asksFirst") });
    } catch (error) {
        leave(error.message);
    } finally {
        button.disabled = false;
    }
});

// Calling

$("dial").addEventListener("submit", (event) => {
    event.preventDefault();
    phone.dial(phone.address($("to").value)).catch(wrong);
});
$("answer").addEventListener("click", () => phone.answer().catch(wrong));
$("hang-up").addEventListener("click", () => phone.hangUp());
for (const [id, what] of [["mute", "muted"], ["hold", "held"]]) {
    $(id).addEventListener("click", () => {
        phone[id](!phone.call[what]);
        showCall("answered");
    });
}
for (const key of KEYS) {
    const button = make("button", { type: "button", textContent: key });
    button.addEventListener("click", () => phone.press(key));
    $("keypad").append(button);
}

document.addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.altKey || event.metaKey || !phone.call) return;
    if (event.key === "Escape") phone.hangUp();
    else if (KEYS.includes(event.key) && phone.call.answered) phone.press(event.key);
});

// Messages

function showText(ours, { id, jid, text }) {
    const item = make("li");
    item.classList.toggle("ours", ours);
    if (id) item.dataset.id = id;
    item.append(make("strong", { textContent: ours ? `To ${name(jid)}` : name(jid) }), make("span", { textContent: text }));
    $("said").append(item);
    item.scrollIntoView({ block: "nearest" });
}

/** Show below a message of ours what has become of it. */
function mark(kind, { id, why }) {
    const item = $("said").querySelector(`[data-id="${CSS.escape(id)}"]`);
    item?.append(make("em", { textContent: kind === "delivered" ? "Delivered" : why }));
}

$("write").addEventListener("submit", (event) => {
    event.preventDefault();
    const { whom, text } = event.target.elements;
    phone.write(phone.address(whom.value), text.value);
    text.value = "";
});

$("settings").addEventListener("change", () => {
    const [tone, hertz, tellsKeys] = $("settings").querySelectorAll("input");
    phone.options.hertz = tone.checked ? hertz.valueAsNumber : 0;
    phone.options.tellsKeys = tellsKeys.checked;
});

// The SIP account

$("account").addEventListener("toggle", async () => {
    if (!$("account").open) return;
    try {
        const { fields, instructions } = await phone.registration();
        const told = (instructions ?? []).map(paragraph);
        const shown = fields.filter((each) => each.type !== "hidden" && each.type !== "fixed");
        const button = make("button", { className: "main", textContent: "Register" });
        $("registration").replaceChildren(...told, ...shown.map(field), button);
    } catch (error) {
        const why = error.error?.condition ?? error.message;
        $("registration").replaceChildren(paragraph(`The gateway does not offer a registration form: ${why}.`));
    }
});

$("registration").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    try {
        await phone.register(Object.fromEntries(new FormData(event.target)));
        say("Registered", "The gateway has signed in with this account.", "good");
    } catch (error) {
        wrong(error);
    } finally {
        button.disabled = false;
    }
});

function paragraph(text) {
    return make("p", { textContent: text });
}

function field({ name, label, value = "", type, required = false, options }) {
    const kind = type === "text-private" ? "password" : "text";
    const input = options ? make("select", { name }) : make("input", { name, type: kind, required, value });
    if (options) input.append(...options.map((each) => new Option(each.label ?? each.value, each.value)));
    const shown = make("label", { textContent: `${label ?? name} ` });
    shown.append(input);
    return shown;
}

// The log

function write(kind, { xml, way, ...details }) {
    const text = kind === "stanza" ? `${way === "incoming" ? "←" : "→"} ${xml}` : `${kind} ${JSON.stringify(details)}`;
    $("events").append(make("li", { textContent: text }));
    if ($("events").childElementCount > MOST_EVENTS) $("events").firstElementChild.remove();
}

/** Fill in the account that the server of the page offers, if any. */
async function prefill() {
    const answer = await fetch("account.json");
    if (!answer.ok) return;
    for (const [name, value] of Object.entries(await answer.json())) $("log-in").elements[name].value = value;
}

await prefill();
$("log-in").querySelector(":invalid, button").focus();
told("ready");

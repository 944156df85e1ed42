// An XMPP phone: an account, the presence of its contacts, and at most one call.
//
// It reports to `tell(kind, details)`: online, offline, contacts, incoming, calling, ringing, answered, connection,
// signaling, hold, resumed, camera, key, ended, wrote, text, delivered, undelivered, and every stanza. Requests that fail
// throw an error.

import { createClient, JID, Utils } from "stanza";
import { Call } from "./call.js";
import { Screen, Sound, statistics } from "./sound.js";
import { CALL_MESSAGES, definitions } from "./vocabulary.js";

const PRESENCE_SECONDS = 10;
const ANSWER_SECONDS = 60; // the gateway tries a SIP account before it answers
const REGISTER = "jabber:iq:register";
const ELSEWHERE = { condition: "cancel", text: "Answered by another of your clients." };

export class Phone {
    constructor(tell) {
        this.tell = tell;
        this.sound = new Sound();
        this.call = null;
        this.contacts = new Map();
        this.screen = new Screen();
        this.options = {
            asksFirst: true,
            hertz: 0,
            tellsKeys: false,
            media: ["audio"],
            bundlePolicy: "balanced",
            colour: "black",
        };
    }

    get bareJid() {
        return JID.toBare(this.client.jid);
    }

    // The account

    /** Log in and become available for calls. `asksFirst`: use XEP-0353, for outgoing and incoming calls. */
    async logIn({ jid, password, websocket, gateway = "", ...options }) {
        Object.assign(this.options, options);
        this.gateway = gateway;
        const client = createClient({
            jid,
            credentials: { password },
            resource: JID.getResource(jid) || undefined,
            transports: { websocket, bosh: false },
            useStreamManagement: false,
            timeout: ANSWER_SECONDS,
            jingle: { iceServers: [], advertiseFileTransfer: false, advertiseVideo: this.options.media.includes("video") },
        });
        this.client = client;
        client.stanzas.define(definitions);
        if (this.options.asksFirst) client.disco.addFeature(CALL_MESSAGES);
        this.follow();
        await this.connected();
        client.on("raw", (way, xml) => this.tell("stanza", { way, xml: withoutSecrets(xml) }));
        for (const item of (await client.getRoster()).items ?? []) this.know(item.jid);
        client.updateCaps();
        client.sendPresence({ legacyCapabilities: client.disco.getCaps() });
        this.tell("online", { jid: client.jid });
    }

    logOut() {
        this.call?.hangUp();
        return this.client.disconnect();
    }

    connected() {
        return new Promise((resolve, reject) => {
            const fail = (why) => () => reject(new Error(why));
            this.client.once("session:started", resolve);
            this.client.once("auth:failed", fail("The server refuses this name or password."));
            this.client.once("disconnected", fail("The server cannot be reached, or has closed the connection."));
            this.client.connect();
        });
    }

    follow() {
        const { client } = this;
        client.on("disconnected", () => this.lost());
        client.on("subscribe", ({ from }) => client.acceptSubscription(from));
        client.on("available", (presence) => this.seen(presence.from, true, presence.status));
        client.on("unavailable", (presence) => this.seen(presence.from, false, presence.status));
        client.on("message", (message) => message.callMessage && this.messaged(message));
        client.on("chat", ({ from, body }) => body && this.tell("text", { jid: JID.toBare(from), text: body }));
        client.on("receipt", ({ receipt }) => this.tell("delivered", { id: receipt.id }));
        client.on("message:error", ({ id, error }) => this.tell("undelivered", { id, why: error?.text ?? error?.condition }));
        client.jingle.on("incoming", (session) => this.called(session));
        client.jingle.on("ringing", (session) => this.with(session)?.tell("ringing"));
        client.jingle.on("accepted", (session) => this.with(session)?.talk());
        client.jingle.on("hold", (session) => this.heldByPeer(session, true));
        client.jingle.on("resumed", (session) => this.heldByPeer(session, false));
        client.jingle.on("terminated", (session, reason) => this.with(session)?.end(reason));
        client.jingle.on("send", (request) => this.watch(request));
    }

    lost() {
        this.call?.end({ condition: "connectivity-error", text: "The connection to the XMPP server is lost." });
        this.tell("offline");
    }

    // Contacts

    know(bare) {
        if (!this.contacts.has(bare)) this.contacts.set(bare, { resources: new Set(), status: "" });
        return this.contacts.get(bare);
    }

    seen(jid, available, status = "") {
        const contact = this.know(JID.toBare(jid));
        contact.resources[available ? "add" : "delete"](jid);
        contact.status = status;
        this.tell("contacts", { jid, available, status });
    }

    /** Subscribe to a contact's presence, wait for it, and return the full JID. */
    async resourceOf(jid) {
        if (JID.getResource(jid)) return jid;
        const contact = this.know(jid);
        if (!contact.resources.size) {
            this.client.subscribe(jid);
            await this.shown(contact);
        }
        return [...contact.resources].at(-1);
    }

    shown(contact) {
        return new Promise((resolve, reject) => {
            const absent = () => reject(new Error("The contact is offline or does not share its presence."));
            const late = setTimeout(absent, PRESENCE_SECONDS * 1000);
            const look = () => {
                if (!contact.resources.size) return;
                clearTimeout(late);
                this.client.off("available", look);
                resolve();
            };
            this.client.on("available", look);
        });
    }

    /** Return the gateway's registration form (XEP-0077). */
    async registration() {
        const answer = await this.client.sendIQ({ type: "get", to: this.gateway, account: {} });
        return answer.account.form;
    }

    /** Submit the form. If the gateway refuses, throws an error with its text. */
    async register(values) {
        const filled = Object.entries({ FORM_TYPE: REGISTER, ...values });
        const form = { type: "submit", fields: filled.map(([name, value]) => ({ name, value })) };
        try {
            await this.client.sendIQ({ type: "set", to: this.gateway, account: { form } });
        } catch ({ error }) {
            throw new Error(error?.text ?? error?.condition ?? "The gateway does not answer.");
        }
    }

    /** Return the JID for the input: a JID of the gateway or another one, a number, or a SIP address. */
    address(typed) {
        const text = typed.trim().replace(/^sips?:/, "");
        if (text === this.gateway) return text;
        const known = !this.gateway || this.contacts.has(JID.toBare(text)) || JID.getDomain(text) === this.gateway;
        if (known && text.includes("@")) return text;
        const [user, domain] = text.split("@");
        return `${JID.escapeLocal(user)}${domain ? `%${domain}` : ""}@${this.gateway}`;
    }

    /** Write to a JID, and ask for a receipt (XEP-0184). */
    write(jid, text) {
        const id = this.client.sendMessage({ to: jid, type: "chat", body: text, receipt: { type: "request" } });
        this.tell("wrote", { id, jid, text });
    }

    // Calls

    /** Call a JID. */
    async dial(jid) {
        if (this.call) throw new Error("There is a call already.");
        const call = (this.call = new Call(this, jid, Utils.uuid(), false));
        call.tell("calling");
        try {
            await this.prepare(call);
            const peer = this.options.asksFirst ? JID.toBare(jid) : await this.resourceOf(jid);
            if (call.over) return;
            if (this.options.asksFirst) call.propose();
            else call.initiate(peer);
        } catch (error) {
            call.end({ condition: "failed", text: error.message });
        }
    }

    async answer() {
        const { call } = this;
        await this.prepare(call);
        if (!call.over) call.answer();
    }

    /** Get what the call is to send: a track for each of the media, in this order. */
    async prepare(call) {
        this.client.jingle.config.peerConnectionConfig.bundlePolicy = this.options.bundlePolicy;
        call.stream = await this.sound.source(this.options.hertz);
        call.tracks = this.sound.tracks(call.stream, this.options.media, this.options.colour);
    }

    hangUp() {
        this.call?.hangUp();
    }

    hold(held = true) {
        this.call.hold(held);
    }

    mute(muted = true) {
        this.call.mute(muted);
    }

    press(keys) {
        this.call.press(keys, this.options.tellsKeys);
    }

    heard() {
        return this.sound.heard();
    }

    watched() {
        return this.screen.watched();
    }

    statistics() {
        return statistics(this.call.session.pc);
    }

    forget(call) {
        if (this.call === call) this.call = null;
    }

    /** Return the call with this session. */
    with(session) {
        return this.call?.session === session ? this.call : undefined;
    }

    // Actions of the other side

    called(session) {
        const { call } = this;
        if (call?.proposed && call.answered && call.id === session.sid && call.peer === session.peerID) {
            call.take(session);
            call.answer();
        } else if (call) {
            session.end("busy");
        } else {
            this.call = new Call(this, session.peerID, session.sid, true);
            this.call.take(session);
            this.call.ring();
        }
    }

    heldByPeer(session, held) {
        const call = this.with(session);
        if (!call) return;
        call.heldByPeer = held;
        call.tell(held ? "hold" : "resumed");
    }

    /** Watch for an error reply to a session-initiate. */
    watch(request) {
        if (request.jingle?.action !== "session-initiate") return;
        this.client.once(`iq:id:${request.id}`, (answer) => {
            if (answer.type === "error" && this.call?.id === request.jingle.sid) this.call.refused(answer.error);
        });
    }

    /** Handle a message of XEP-0353. */
    messaged({ from, callMessage: { action, id, media, reason }, type, error }) {
        const { call } = this;
        if (action === "propose" && type !== "error") {
            this.proposed(from, id, media);
        } else if (call?.id !== id) {
            return;
        } else if (type === "error") {
            call.end({ condition: error?.condition, text: error?.text });
        } else if (JID.toBare(from) === this.bareJid) {
            if (from !== this.client.jid && !call.answered) call.end(ELSEWHERE);
        } else if (action === "ringing") {
            call.tell("ringing");
        } else if (action === "proceed" && !call.incoming && !call.session) {
            call.initiate(from);
        } else if (["reject", "retract", "finish"].includes(action) && !call.session) {
            call.end(reason ?? { condition: action === "reject" ? "decline" : "cancel" });
        }
    }

    proposed(from, id, media) {
        if (!this.options.asksFirst || !media.includes("audio") || JID.toBare(from) === this.bareJid) return;
        const call = new Call(this, from, id, true);
        call.proposed = true;
        if (this.call) {
            call.message("reject", { reason: { condition: "busy" } });
            return;
        }
        this.call = call;
        call.ring();
    }
}

/** Return a stanza without the values of a registration form. */
function withoutSecrets(xml) {
    return xml.includes(REGISTER) ? xml.replace(/<value>.*?<\/value>/gs, "<value>…</value>") : xml;
}

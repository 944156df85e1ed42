// One outgoing or incoming call: Jingle by stanza, with or without Jingle Message Initiation (XEP-0353).
//
// 1. The end of a call is reported once, with the reason and the text of the side that ended it.
// 2. The id of a proposal is the sid of the session that follows.
// 3. Until there is a session, a message ends the call; after that, a session-terminate does.

import { DTMF_INFO } from "./vocabulary.js";

const KEY_MILLISECONDS = 100;

export class Call {
    /** `peer` is a full JID, or a bare one while no client has answered the proposal. */
    constructor(phone, peer, id, incoming) {
        this.phone = phone;
        this.peer = peer;
        this.id = id;
        this.incoming = incoming;
        this.proposed = false;
        this.answered = false;
        this.over = false;
        this.held = this.heldByPeer = this.muted = false;
        this.tracks = [];
    }

    tell(kind, more = {}) {
        this.phone.tell(kind, { peer: this.peer, ...more });
    }

    // Outgoing calls

    /** Propose the call to all clients of the peer. */
    propose() {
        this.proposed = true;
        this.message("propose", { media: this.phone.options.media });
    }

    /** Start the session: a client proceeds, or the call was not proposed. */
    initiate(peer) {
        this.peer = peer;
        this.take(this.phone.client.jingle.createMediaSession(peer, this.id));
        this.send();
        this.session.start();
    }

    // Incoming calls

    /** Tell the caller that the phone rings. */
    ring() {
        if (this.proposed) this.message("ringing");
        else this.session.ring();
        this.tell("incoming");
    }

    answer() {
        this.answered = true;
        if (!this.session) {
            this.message("accept", {}, this.phone.bareJid); // stops the ringing of our other clients
            this.message("proceed");
            return;
        }
        this.send();
        this.session.accept();
        this.talk();
    }

    // During the call

    take(session) {
        this.session = session;
        session.onContentModify = ({ contents }, done) => {
            done();
            this.tell("camera", { senders: contents[0].senders });
        };
        session.pc.addEventListener("connectionstatechange", () =>
            this.tell("connection", { state: session.pc.connectionState }),
        );
        session.pc.addEventListener("signalingstatechange", () =>
            this.tell("signaling", { state: session.pc.signalingState }),
        );
    }

    send() {
        for (const track of this.tracks) this.session.addTrack(track, this.stream);
    }

    /** Turn the camera off or on, and say so (XEP-0166 §7.2.6). */
    turnCamera(on) {
        const video = this.session.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === "video");
        video.sender.track.enabled = on;
        const alone = this.session.isInitiator ? "responder" : "initiator";
        const content = { creator: "initiator", name: video.mid, senders: on ? "both" : alone };
        this.session.send("content-modify", { contents: [content] });
    }

    talk() {
        this.answered = true;
        const used = this.session.pc.getTransceivers().filter(({ currentDirection }) => currentDirection !== "inactive");
        const tracks = used.map(({ receiver }) => receiver.track);
        this.phone.sound.listen(new MediaStream(tracks.filter(({ kind }) => kind === "audio")));
        this.phone.screen.watch(new MediaStream(tracks.filter(({ kind }) => kind === "video")));
        this.tell("answered");
    }

    hold(held) {
        this.held = held;
        if (held) this.session.hold();
        else this.session.resume();
        this.phone.sound.silent = held;
        this.switchSource();
    }

    mute(muted) {
        this.muted = muted;
        this.switchSource();
    }

    switchSource() {
        for (const track of this.tracks) track.enabled = !this.muted && !this.held;
    }

    /** Press keys: as telephone events in RTP (RFC 4733), or each in a message (XEP-0181). */
    press(keys, told) {
        const { dtmf } = this.session.pc.getSenders().find(({ track }) => track?.kind === "audio");
        if (!told && dtmf.canInsertDTMF) {
            dtmf.ontonechange = ({ tone }) => tone && this.tell("key", { key: tone });
            dtmf.insertDTMF(keys, KEY_MILLISECONDS);
            return;
        }
        for (const code of keys) {
            this.session.send("session-info", { info: { infoType: DTMF_INFO, code, duration: KEY_MILLISECONDS } });
        }
    }

    // The end

    hangUp() {
        if (this.session && (this.answered || !this.incoming)) this.session.end(this.answered ? "success" : "cancel");
        else if (this.session) this.session.decline();
        else this.takeBack();
    }

    /** End a call that has no session yet. */
    takeBack() {
        if (this.incoming) {
            const reason = { condition: this.answered ? "cancel" : "decline" };
            this.message("reject", { reason }, this.phone.bareJid);
            this.message("reject", { reason });
            this.end(reason);
        } else {
            const reason = { condition: "cancel" };
            if (this.proposed) this.message("retract", { reason });
            this.end(reason);
        }
    }

    /** Handle an error reply to the session-initiate, which stanza ignores. */
    refused(error) {
        this.refusal = { condition: error.condition, text: error.text };
        this.session.end("general-error", true);
    }

    end(reason = {}) {
        if (this.over) return;
        this.over = true;
        if (this.proposed && this.session) this.message("finish", { reason });
        this.phone.sound.stop(this.tracks);
        this.phone.forget(this);
        const { condition = "", text = "" } = this.refusal ?? reason;
        this.tell("ended", { reason: condition, text, incoming: this.incoming });
    }

    message(action, more = {}, to = this.peer) {
        this.phone.client.sendMessage({
            to,
            type: "chat",
            callMessage: { action, id: this.id, ...more },
            processingHints: { store: true },
        });
    }
}

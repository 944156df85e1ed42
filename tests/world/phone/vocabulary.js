// Extensions that stanza lacks: Jingle Message Initiation (XEP-0353) and DTMF in session-info (XEP-0181).

import { Constants, JXT, Namespaces } from "stanza";

export const CALL_MESSAGES = "urn:xmpp:jingle-message:0";
export const DTMF = "urn:xmpp:jingle:dtmf:0";
export const DTMF_INFO = Constants.JINGLE_INFO(DTMF, "dtmf");

const ACTIONS = ["propose", "ringing", "proceed", "accept", "reject", "retract", "finish"];

/** For `message.callMessage`: { action, id, media, reason }; and for `iq.jingle.info`: { infoType, code, duration }. */
export const definitions = [
    ...ACTIONS.map((action) => ({
        element: action,
        namespace: CALL_MESSAGES,
        path: "message.callMessage",
        type: action,
        typeField: "action",
        fields: {
            id: JXT.attribute("id"),
            media: JXT.multipleChildAttribute(Namespaces.NS_JINGLE_RTP_1, "description", "media"),
        },
    })),
    JXT.addAlias(Namespaces.NS_JINGLE_1, "reason", ["message.callMessage.reason"]),
    {
        element: "dtmf",
        namespace: DTMF,
        path: "iq.jingle.info",
        type: DTMF_INFO,
        typeField: "infoType",
        fields: { code: JXT.attribute("code"), duration: JXT.integerAttribute("duration") },
    },
];

"""The words that an export keeps as they are: those of the protocols. All other words are renamed.

No word that could be a person's name belongs here, and no domain except those in the names of protocols.
"""

from typing import Final

_ADDRESSES: Final = """
    anonymous apps fargo fg name to cid cn http https invalid ob pai sip sips tcp tls transport udp urn user maddr lr
"""
# RFC 6120 §8.3.3, RFC 6121, XEP-0077; XEP-0166 §7 and §10, XEP-0167 §8, XEP-0176, XEP-0177, XEP-0353.
_XMPP: Final = """
    able accept accepted action active add alternative already any answered application applications audio auth
    available away bad both busy call cancel caps chat clash client close condition conflict connectivity constraint
    content continue creator decline declined delete description device disco dnd elsewhere error expired failed
    feature features finish forbidden form found general gone hold host hosts ibb ice id identity implemented
    incompatible info initiate initiator input internal invalid iq item jabber jid jingle last malformed media message
    modified modify mute network none not notify null offline out parameters payment policy ping presence probe
    proceed process propose protocol raw received recipient redirect register registration reject remote remove
    replace reply request required resource responder retract ringing roster rtp rtcp search security senders server
    service session source stanza state stream subscribe subscribed subscription success terminate text tie
    time timeout timed transfer transport transports trying type unavailable undefined unexpected unhold unknown
    unmute unsubscribe unsubscribed unsupported version video voice wait xa xmpp xml xmlns ns acceptable allowed
    authorized break order
"""
# RFC 3261 §21, RFC 6228, RFC 8197, RFC 8688.
_SIP: Final = """
    address ambiguous anywhere authentication being busy call choices credentials decline declined detected does
    entity everywhere exist extension forwarded found gateway here hops incomplete interval length line
    loop many method moved multiple no not ok of only overload overloaded payment permanently phrase progress proxy
    queued reason rejected reliable required ringing scheme session supported temporarily terminated too transaction
    undecipherable unauthorized unwanted unsupported uri use at its capacity reached
"""
# What our own user agent reads and writes: methods, headers and their parameters. RFC 3261 §20 and §25, RFC 3262, 3311,
# 3323, 3326, 3891, 4028, 5626, 6086, 8760; m= lines, RFC 4566 §5.14.
_USER_AGENT: Final = """
    100rel ack agent alias allow application ascii avp avpf branch bye call cause critical cseq dtmf early expires from
    header history image int interval invite md5 min mixed multipart notify options organization path phone prack
    privacy received record refer replaces require route rport savp savpf sdp sess subscribe tag tel timer udptl update
    via warning
"""
# RFC 3551 and the registry of RTP payload formats; XEP-0167, 0293, 0294, 0320, 0338, 0339.
_MEDIA: Final = """
    abs actpass annexb apt av1 bitrate bundle candidate ccm cname cn codec comfort crc cropped dtx dvi4 dtls events
    extmap extensions experiments fec fir fmtp g711 g719 g722 g7221 g723 g726 g728 g729 gecko goog gsm group h263 h264
    h265 hash hdrext host ietf ilbc inband interleaving isac l16 label level lpc maxaveragebitrate maxplaybackrate
    maxptime mid minptime mode mpa msid mux mslabel nack noise octet align offset opus orientation packet passive
    params parameter pcma pcmu pli prflx profile ptime red relay remb robust robustness rtpmap rtx sdes
    send semantics setup sha silk siren smpte smil sorting sprop spacing srflx ssrc stereo telephone toffset tones
    transmission ulpfec unknown useinbandfec usedtx video vorbis vp8 vp9 wb webrtc wide yes experimental
    speex event fingerprint lossless nb uwb cbr vbr vad cng adaptive delay playout
"""
# Telepathy's name as an engine, and its errors; what rakia says when nobody else does.
_TELEPATHY: Final = """
    busy cancelled confused connection disconnected does doesnotexist error invalidargument invalidhandle media
    networkerror noanswer notavailable notimplemented notyours offline permissiondenied rejected serviceconfused
    servicebusy terminated unsupported
    code has local start started status telepathy user
"""
WORDS: Final = frozenset(" ".join((_ADDRESSES, _XMPP, _SIP, _USER_AGENT, _MEDIA, _TELEPATHY)).split())
"""In lower case."""

HOSTS: Final = frozenset({"anonymous.invalid", "jabber.org", "www.ietf.org", "www.w3.org", "www.webrtc.org"})
"""Domains that belong to nobody, or stand in the names of protocols."""

"""The program of a pjsip phone (pjsip.py): pjsua2 in a process of its own, because it aborts the process on misuse.

    pjsip_phone.py SETTINGS CONTROL

SETTINGS is a JSON file, CONTROL the Unix socket to connect to. Each line on the socket is a JSON value: towards the
phone a command with its arguments, from it an event. The phone plays a tone into its call and records what it receives.
"""

import json
import select
import socket
import sys
from pathlib import Path
from typing import Any

import pjsua2 as pj

RATE = 8000
POLL_MS = 5
TRANSPORTS = {
    ("udp", 4): pj.PJSIP_TRANSPORT_UDP,
    ("tcp", 4): pj.PJSIP_TRANSPORT_TCP,
    ("tls", 4): pj.PJSIP_TRANSPORT_TLS,
    ("udp", 6): pj.PJSIP_TRANSPORT_UDP6,
    ("tcp", 6): pj.PJSIP_TRANSPORT_TCP6,
    ("tls", 6): pj.PJSIP_TRANSPORT_TLS6,
}
EXTENSIONS = {"off": 0, "optional": 1, "required": 2}
"""PJSUA_100REL_*, PJSUA_SIP_TIMER_* and PJMEDIA_SRTP_* have the same values for these."""


class Control:
    """The socket to the test."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._buffer = b""

    def report(self, kind: str, **details: Any) -> None:
        self._socket.sendall(json.dumps({"type": kind, **details}).encode() + b"\n")

    def commands(self) -> list[list[Any]]:
        """Return the commands that have come. Raises EOFError when the test has closed the socket."""
        while select.select([self._socket], [], [], 0)[0]:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        return [json.loads(line) for line in lines]


class Call(pj.Call):  # type: ignore[misc]
    """The phone's call."""

    def __init__(self, phone: "Phone", id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, id)
        self._phone = phone

    def onCallState(self, _: Any) -> None:  # noqa: N802
        told = self.getInfo()
        self._phone.control.report("state", state=told.stateText, status=told.lastStatusCode, phrase=told.lastReason)

    def onCallMediaState(self, _: Any) -> None:  # noqa: N802
        told = self.getInfo()  # kept, because what it contains is freed with it
        media = told.media[0]
        if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
            self._phone.connect(self.getAudioMedia(0))
        states = {
            pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
            pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "holding",
            pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "held",
        }
        self._phone.control.report("media", state=states.get(media.status, "none"))

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        self._phone.control.report("transfer", status=prm.statusCode, ends=prm.finalNotify)

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        self._phone.control.report("digit", digit=prm.digit)


class Account(pj.Account):  # type: ignore[misc]
    """The account at the provider."""

    phone: "Phone"

    def onRegState(self, prm: Any) -> None:  # noqa: N802
        self.phone.control.report("registered", status=prm.code, phrase=prm.reason)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self.phone.called(Call(self.phone, prm.callId))


class Phone:
    """pjsua2 with one account and one call at a time, or another with whom the first is to be transferred."""

    def __init__(self, settings: dict[str, Any], control: Control) -> None:
        self.control = control
        self._settings = settings
        self._call: Call | None = None
        self._consulted: Call | None = None
        self._endpoint = endpoint(settings)
        self._tone = pj.ToneGenerator()
        self._tone.createToneGenerator(RATE, 1)
        self._recorder = pj.AudioMediaRecorder()
        self._recorder.createRecorder(settings["recording"])
        self._play()
        self.account = Account()
        self.account.phone = self
        self.account.create(account(settings))

    def _play(self) -> None:
        tone = pj.ToneDesc()
        tone.freq1, tone.freq2, tone.on_msec, tone.off_msec = self._settings["hertz"], 0, 1000, 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        self._tone.play(tones, True)

    def connect(self, audio: Any) -> None:
        self._tone.startTransmit(audio)
        audio.startTransmit(self._recorder)

    def called(self, call: Call) -> None:
        self._call = call
        self.control.report("incoming", uri=call.getInfo().remoteUri)
        if self._settings["answers"]:
            self.answer(200)
        else:
            self.answer(180)

    def run(self) -> None:
        try:
            while True:
                self._endpoint.libHandleEvents(POLL_MS)
                for name, *arguments in self.control.commands():
                    getattr(self, name)(*arguments)
        except EOFError:
            self._endpoint.libDestroy()

    # Commands

    def dial(self, uri: str) -> None:
        self._call = Call(self)
        self._call.makeCall(uri, pj.CallOpParam(True))

    def consult(self, uri: str) -> None:
        """Call somebody beside the call that there is."""
        self._consulted = Call(self)
        self._consulted.makeCall(uri, pj.CallOpParam(True))

    def transfer(self, uri: str) -> None:
        """Transfer the call blindly."""
        assert self._call
        self._call.xfer(uri, pj.CallOpParam())

    def transfer_to_consulted(self) -> None:
        """Transfer the call to whom was consulted."""
        assert self._call
        self._call.xferReplaces(self._consulted, pj.CallOpParam())

    def answer(self, status: int) -> None:
        assert self._call
        self._call.answer(operation(status))

    def hang_up(self, status: int) -> None:
        assert self._call
        if self._call.isActive():
            self._call.hangup(operation(status))
        else:  # it was replaced, and pjsua2 took the last event of the old call for one of the new call
            self._endpoint.hangupAllCalls()

    def hold(self) -> None:
        assert self._call
        self._call.setHold(pj.CallOpParam())

    def resume(self) -> None:
        assert self._call
        wanted = pj.CallOpParam(True)
        wanted.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._call.reinvite(wanted)

    def refresh(self) -> None:
        """Send a re-INVITE without an offer."""
        assert self._call
        wanted = pj.CallOpParam(True)
        wanted.opt.flag = pj.PJSUA_CALL_NO_SDP_OFFER
        self._call.reinvite(wanted)

    def update(self) -> None:
        """Send an UPDATE with an offer."""
        assert self._call
        self._call.update(pj.CallOpParam(True))

    def press(self, digits: str) -> None:
        assert self._call
        self._call.dialDtmf(digits)


def operation(status: int) -> Any:
    wanted = pj.CallOpParam()
    wanted.statusCode = status
    return wanted


def endpoint(settings: dict[str, Any]) -> Any:
    """Start pjsua2 with one transport and without a sound device."""
    made = pj.Endpoint()
    made.libCreate()
    wanted = pj.EpConfig()
    # All callbacks come from libHandleEvents, in the only thread of Python.
    wanted.uaConfig.threadCnt = 0
    wanted.uaConfig.mainThreadOnly = True
    wanted.logConfig.level = wanted.logConfig.consoleLevel = 4
    wanted.logConfig.msgLogging = 1
    wanted.medConfig.clockRate = wanted.medConfig.sndClockRate = RATE
    wanted.medConfig.noVad = True
    wanted.medConfig.ecTailLen = 0
    made.libInit(wanted)
    made.transportCreate(TRANSPORTS[settings["transport"], settings["version"]], bound(settings, settings["port"]))
    made.libStart()
    made.audDevManager().setNullDev()
    for codec in made.codecEnum2():
        name = codec.codecId.partition("/")[0]
        rank = settings["codecs"].index(name) if name in settings["codecs"] else None
        made.codecSetPriority(codec.codecId, 0 if rank is None else 200 - rank)
    return made


def bound(settings: dict[str, Any], port: int) -> Any:
    where = pj.TransportConfig()
    where.port, where.boundAddress, where.publicAddress = port, settings["address"], settings["address"]
    if settings["transport"] == "tls" and settings["ca"]:
        where.tlsConfig.CaListFile = settings["ca"]
        where.tlsConfig.verifyServer = True
    return where


def account(settings: dict[str, Any]) -> Any:
    wanted = pj.AccountConfig()
    wanted.idUri = f"sip:{settings['user']}@{settings['domain']}"
    wanted.regConfig.registrarUri = f"sip:{settings['domain']}"
    wanted.sipConfig.proxies.append(f"sip:{settings['proxy']};transport={settings['transport']};lr")
    wanted.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", settings["user"], 0, settings["password"]))
    wanted.callConfig.prackUse = EXTENSIONS[settings["prack"]]
    wanted.callConfig.timerUse = EXTENSIONS[settings["timer"]]
    wanted.mediaConfig.srtpUse = EXTENSIONS[settings["srtp"]]
    wanted.mediaConfig.srtpSecureSignaling = 0
    wanted.mediaConfig.transportConfig = bound({**settings, "transport": "udp"}, settings["rtp_port"])
    wanted.mediaConfig.transportConfig.portRange = settings["rtp_ports"]
    if settings["version"] == 6:
        wanted.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY
    nat = wanted.natConfig
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = nat.sipOutboundUse = 0
    return wanted


def main() -> None:
    settings, control = sys.argv[1:]
    Phone(json.loads(Path(settings).read_text()), Control(control)).run()


if __name__ == "__main__":
    main()

"""A SIP phone that follows a script: SIPp with one of the scenarios in this directory, for one call.

As a called phone (`refuse`, `cancelled`, `answer`, `answer-and-hang-up`, `answer-and-move`, `answer-encrypted`,
`early-media`, `hold`, `hold-and-resume`, `refuse-hold`) it is ready when it listens. As a caller (`call`,
`call-and-hang-up`, `call-and-move`, `call-and-cancel`, `call-refused`) it calls immediately. It returns every RTP
packet to its sender.
"""

from collections.abc import Mapping
from pathlib import Path

from . import PHONE_ADDRESS
from .ports import free_port, udp_bound
from .process import Process, ProcessError, Server
from .provider import DOMAIN, Provider

SCENARIOS = Path(__file__).with_name("scenarios")
CALLER = "sip:+441632960000@elsewhere.test"
LIMIT_SECONDS = 60
MESSAGES_SHOWN = 6000


class Sipp(Server):
    """SIPp with a scenario. `keys` are the values of its placeholders [status] and [phrase]."""

    def __init__(
        self,
        scenario: str,
        keys: Mapping[str, str] | None = None,
        directory: Path | None = None,
        address: str = PHONE_ADDRESS,
    ) -> None:
        super().__init__(directory)
        self.scenario = scenario
        self.keys = dict(keys or {})
        self.address = address
        self.port = free_port(address)
        self.media_port = free_port(address, adjacent=4)  # audio and video, each with RTCP
        self._call: list[str] = []

    @classmethod
    def refusing(cls, status: int, phrase: str) -> "Sipp":
        """Return a phone that refuses every call with this status."""
        return cls("refuse", {"status": str(status), "phrase": phrase})

    @classmethod
    def unanswering(cls, rings: bool = True) -> "Sipp":
        """Return a phone that rings until the caller gives up. With `rings=False` it does not even ring."""
        provisional = {"status": "180", "phrase": "Ringing"} if rings else {"status": "100", "phrase": "Trying"}
        return cls("cancelled", provisional)

    @classmethod
    def calling(
        cls,
        provider: Provider,
        user: str,
        scenario: str,
        talk_seconds: float = 2,
        caller: str = CALLER,
        status: int = 0,
    ) -> "Sipp":
        """Return a caller. `status` is the status that the scenario `call-refused` expects."""
        phone = cls(scenario, {"domain": DOMAIN, "caller": caller, "status": str(status)})
        milliseconds = str(int(talk_seconds * 1000))
        phone._call = ["-s", user, "-d", milliseconds, f"{provider.address}:{provider.port}"]
        return phone

    def moves(self, ip: str, port: int, after_seconds: float) -> None:
        """Let it change its media address during the call. The test has to listen at the new address."""
        self.keys |= {"ip": ip, "port": str(port), "wait": str(int(after_seconds * 1000))}

    async def start(self) -> None:
        text = (SCENARIOS / f"{self.scenario}.xml").read_text()
        for key, value in self.keys.items():
            text = text.replace(f"[{key}]", value)
        self.process = await Process.start(
            *(f"sipp {self.scenario}", "sipp", "-sf", self.write("scenario.xml", text), "-m", "1", "-nostdin"),
            *("-i", self.address, "-p", str(self.port), "-mi", self.address, "-mp", str(self.media_port)),
            *("-rtp_echo", "-timeout", str(LIMIT_SECONDS), "-timeout_error"),
            *("-trace_msg", "-message_file", self.directory / "messages"),
            *("-trace_err", "-error_file", self.directory / "errors"),
            *self._call,
            cwd=self.directory,
        )
        await self.process.until(lambda: udp_bound(self.address, self.port), "it listens for SIP")

    async def followed(self, seconds: float = LIMIT_SECONDS + 5) -> None:
        """Wait for the end of the call. Raises ProcessError with the SIP messages if it did not follow the scenario."""
        code = await self.process.ended(seconds)
        if code != 0:
            said = f"{self._read('errors')}\n{self.messages[-MESSAGES_SHOWN:]}"
            raise ProcessError(f"sipp: the call did not follow the scenario {self.scenario} (exit {code}):\n{said}")

    @property
    def messages(self) -> str:
        """Return all SIP messages of the call, as logged by SIPp."""
        return self._read("messages")

    def _read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text(errors="replace") if path.exists() else ""

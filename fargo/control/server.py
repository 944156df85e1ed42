"""The gateway's end of the control socket.

Rules:

1. A question that is too long or cannot be read gets a problem as answer. So does one that a bug keeps from being
   answered; the gateway goes on.
2. More than MOST connections at once are refused. Who does not ask within QUESTION_SECONDS, or does not read the answer
   within ANSWER_SECONDS, is cut off.
3. The directory's lock is held by this process. So what is in the place of the socket was left by a gateway that was
   killed, and is replaced.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from fargo.control import texts
from fargo.control.peer import may_ask
from fargo.control.place import SocketPlace
from fargo.control.questions import ControlReply, Question

LONGEST_QUESTION: Final = 16384
"""Bytes."""
QUESTION_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0
"""The time in which the answer must be known and read."""
MOST: Final = 16

AnswerQuestion = Callable[[Question], "Deferred[Any] | Any"]
"""Answers a question, at once or later, with a value that msgspec can encode. Raises, or fails with, ProblemError."""

_logger: Final = Logger("fargo.control")
_DECODER: Final = msgspec.json.Decoder(Question)


class ProblemError(Exception):
    """A question cannot be answered; the text is a sentence for the operator."""


class _Connection(LineOnlyReceiver):
    """One question and its answer."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST_QUESTION
    transport: Any

    def __init__(self, others: "set[_Connection]", answer: AnswerQuestion, reactor: Any) -> None:
        self._others = others
        self._answer = answer
        self._reactor = reactor
        self._asked = False
        self._timer: Any = None

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        self._others.add(self)
        self._cut_off_after(QUESTION_SECONDS)
        if len(self._others) > MOST:
            self._refuse(texts.TOO_MANY)
        elif not may_ask(self.transport.socket):
            self._refuse(texts.NOT_THE_USER)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self._others.discard(self)
        if self._timer.active():
            self._timer.cancel()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        if self._asked:
            return
        self._asked = True
        self._cut_off_after(ANSWER_SECONDS)
        try:
            question = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse(texts.UNREADABLE.format(why=error))
            return
        maybeDeferred(self._answer, question).addCallback(self._tell).addErrback(self._failed)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse(texts.TOO_LONG.format(most=LONGEST_QUESTION))

    def _cut_off_after(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._reactor.callLater(seconds, self.transport.abortConnection)

    def _tell(self, value: Any) -> None:
        self._send(ControlReply(msgspec.Raw(msgspec.json.encode(value))))

    def _failed(self, failure: Failure) -> None:
        if failure.check(ProblemError):
            self._refuse(failure.getErrorMessage())
        elif self in self._others:  # otherwise nobody waits any more, and the gateway may have stopped meanwhile
            _logger.failure(texts.BUG_LOG, failure)
            self._refuse(texts.BUG)

    def _refuse(self, problem: str) -> None:
        self._asked = True
        self._send(ControlReply(problem=problem))

    def _send(self, reply: ControlReply) -> None:
        self.transport.write(msgspec.json.encode(reply) + self.delimiter)
        self.transport.loseConnection()


class _Factory(ServerFactory):
    noisy = False

    def __init__(self, answer: AnswerQuestion, reactor: Any) -> None:
        self._answer = answer
        self._reactor = reactor
        self._connections: set[_Connection] = set()

    def buildProtocol(self, addr: object) -> Any:  # noqa: N802
        return _Connection(self._connections, self._answer, self._reactor)

    def cut_off(self) -> None:
        """End all connections, answered or not."""
        for each in list(self._connections):
            each.transport.abortConnection()


class ControlSocket:
    """The control socket in an existing directory whose lock this process holds. `answer` answers each question."""

    def __init__(self, directory: Path, answer: AnswerQuestion, reactor: Any) -> None:
        self._directory = directory
        self._factory = _Factory(answer, reactor)
        self._reactor = reactor
        self._place: SocketPlace | None = None
        self._port: Any = None

    def start(self) -> None:
        """Take questions from now on. If that is impossible, it is logged; the gateway serves its users without."""
        place: SocketPlace | None = None
        try:
            place = SocketPlace(self._directory)
            Path(place.address).unlink(missing_ok=True)
            self._port = self._reactor.listenUNIX(place.address, self._factory, mode=0o600)
            self._place = place
        except Exception as error:  # OSError, or Twisted's CannotListenError
            if place:
                place.close()
            _logger.error(texts.NOT_OPENED, directory=self._directory, why=error)

    def stop(self) -> Deferred[None]:
        """Take no more questions, and remove the socket. Fires when it is gone."""
        port, self._port = self._port, None
        self._factory.cut_off()
        return maybeDeferred(port.stopListening).addCallback(self._stopped) if port else succeed(None)

    def _stopped(self, _: object) -> None:
        assert self._place
        self._place.close()
        self._place = None

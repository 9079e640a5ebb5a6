"""Scores a run against the promise: every 202 reaches one final state, sent unless that says why.

Pure, and fed with two things only: what the clients were answered, and the log of the sandbox that
stood for the providers. The system's own database is what is judged, never a witness.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

ATTEMPTS: Final = 6
"""One, and the five retries that a delivery has by default."""
_PERMANENT: Final = 500
_NAMED: Final = 5
"""So many requests are named where something is wrong; the log has the others."""


@dataclass(frozen=True)
class ProviderLine:
    """One hand-over that a provider wrote down.

    Attributes:
        request_id: Taken from the message's subject; None: it was refused before it had one.
        recipient: The address.
        accepted: Whether the provider has it from then on.
        code: What it replied; 0: nothing, the connection ended first.
    """

    request_id: str | None
    recipient: str
    accepted: bool
    code: int


@dataclass(frozen=True)
class Request:
    """What a client asked for, and what it was told.

    Attributes:
        recipient: The address of the user it was for.
        status: What the system says of it in the end; None: there was no 202.
        reason: Why, where it says so.
    """

    recipient: str
    status: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Allowance:
    """The duplicates that the promise allows in a scenario.

    Each needs a yes that was lost: one for each message in flight at a crash, and one for each
    answer that the provider gave too late or not at all. A message of which the provider's own log
    says that it got no reply is counted by itself and needs no allowance.

    Attributes:
        crashes: Of a process that sends, or of Redis.
        in_flight: Sends under way at once in such a process.
        late_answers: Replies that came after the deadline of an attempt.
    """

    crashes: int = 0
    in_flight: int = 0
    late_answers: int = 0

    @property
    def total(self) -> int:
        """In the whole run."""
        return self.crashes * self.in_flight + self.late_answers

    @property
    def of_one_message(self) -> int:
        """One at each crash, and one for each late answer."""
        return self.crashes + self.late_answers


NO_DUPLICATES: Final = Allowance()


@dataclass(frozen=True)
class Evidence:
    """All that is known of a run.

    Attributes:
        requests: Every request that was made, by its id.
        lines: What the provider's log gained during the run, oldest first.
    """

    requests: Mapping[str, Request]
    lines: Sequence[ProviderLine]


@dataclass(frozen=True)
class Score:
    """What came out; `passed` is the promise."""

    accepted: int
    unanswered: int
    sends: int
    states: Mapping[str, int]
    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_states: tuple[str, ...]
    duplicates: int
    excused: int
    allowed: int
    worst_duplicates: int
    allowed_of_one: int
    duplicated: tuple[str, ...] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether the promise was kept."""
        return not self.complaints

    @property
    def complaints(self) -> tuple[str, ...]:
        """What was not kept, with the first requests that show it."""
        found = []
        for what, requests in (
            ("lost", self.lost),
            ("unexpected", self.unexpected),
            ("in a state that the log does not justify", self.wrong_states),
        ):
            if requests:
                found.append(f"{len(requests)} {what}: {', '.join(requests[:_NAMED])}")
        if self.duplicates - self.excused > self.allowed:
            found.append(
                f"{self.duplicates - self.excused} duplicates, {self.allowed} allowed: "
                f"{', '.join(self.duplicated[:_NAMED])}"
            )
        if self.worst_duplicates > self.allowed_of_one:
            found.append(
                f"{self.worst_duplicates} duplicates of one message, {self.allowed_of_one} allowed"
            )
        return tuple(found)

    def __str__(self) -> str:
        """One line for a terminal."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        verdict = "kept" if self.passed else "; ".join(self.complaints)
        return (
            f"{self.accepted} accepted ({states}), {self.unanswered} unanswered, {self.sends} "
            f"sends, {self.duplicates} duplicates ({self.allowed + self.excused} allowed): "
            f"{verdict}"
        )


def score(evidence: Evidence, allowance: Allowance = NO_DUPLICATES) -> Score:
    """Judge a run that is over: healed and drained."""
    lines = _by_request(evidence)
    sends = Counter({name: sum(line.accepted for line in of) for name, of in lines.items()})
    lost: list[str] = []
    wrong: list[str] = []
    for name, request in evidence.requests.items():
        if request.status is None:
            continue
        if not _is_justified(request.status, lines[name]):
            (wrong if sends[name] else lost).append(f"{name} ({request.status}, {request.reason})")
    excused = {name: _excused(of) for name, of in lines.items()}
    beyond = {name: max(0, count - 1 - excused[name]) for name, count in sends.items()}
    answered = [request for request in evidence.requests.values() if request.status is not None]
    return Score(
        accepted=len(answered),
        unanswered=len(evidence.requests) - len(answered),
        sends=sends.total(),
        states=dict(Counter(str(request.status) for request in answered)),
        lost=tuple(lost),
        unexpected=tuple(_unexpected(evidence)),
        wrong_states=tuple(wrong),
        duplicates=sum(max(0, count - 1) for count in sends.values()),
        excused=sum(min(max(0, sends[name] - 1), excused[name]) for name in sends),
        allowed=allowance.total,
        worst_duplicates=max(beyond.values(), default=0),
        allowed_of_one=allowance.of_one_message,
        duplicated=tuple(f"{name} ({sends[name]} sends)" for name in beyond if beyond[name]),
    )


def _by_request(evidence: Evidence) -> dict[str, list[ProviderLine]]:
    """The lines of each request; one without a subject belongs to all requests to its address."""
    lines: dict[str, list[ProviderLine]] = {name: [] for name in evidence.requests}
    to: dict[str, list[str]] = {}
    for name, request in evidence.requests.items():
        to.setdefault(request.recipient, []).append(name)
    for line in evidence.lines:
        names = to.get(line.recipient, []) if line.request_id is None else [line.request_id]
        for name in names:
            if name in lines:
                lines[name].append(line)
    return lines


def _unexpected(evidence: Evidence) -> list[str]:
    return [
        f"{line.request_id} to {line.recipient}"
        for line in evidence.lines
        if line.accepted and line.request_id not in evidence.requests
    ]


def _is_justified(status: str, lines: Sequence[ProviderLine]) -> bool:
    """Whether the provider's log bears this state out."""
    is_sent = any(line.accepted for line in lines)
    is_refused = any(not line.accepted and line.code >= _PERMANENT for line in lines)
    match status:
        case "delivered":
            return is_sent
        case "failed":
            return not is_sent and (is_refused or len(lines) >= ATTEMPTS)
        case "unknown":
            # Perhaps sent, says the system: then the provider must have left it without a reply.
            return any(line.code == 0 for line in lines)
    return False


def _excused(lines: Sequence[ProviderLine]) -> int:
    """Messages that the provider took and never said so: each may be sent once more."""
    return sum(line.accepted and line.code == 0 for line in lines)

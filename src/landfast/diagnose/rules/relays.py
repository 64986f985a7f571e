"""Relays (TURN, RFC 8656), and what an application is configured to use. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from landfast.diagnose.evidence import Evidence
from landfast.diagnose.rules.rule import Consequence, Rule
from landfast.model.facts import Fact, IceServerMistake, IceServersRead, RelayRoundTrip, RelayTried, ServerClock, Step
from landfast.model.findings import Confidence, Finding, Severity
from landfast.model.nat import Mapping

WRONG_CREDENTIALS = {401, 441}
"""401 to a request with a credential, 441 to one with another's (RFC 8489, section 9.2; RFC 8656, section 19)."""

NO_MORE = {486, 508}
"""Allocation Quota Reached, Insufficient Capacity (RFC 8656, section 19)."""

SKEWED = 300.0
"""Seconds between two clocks. Kerberos, which lives by clocks too, bears that much (RFC 4120, section 1.6)."""

_OF_TIME = {"ahead": "expired", "behind": "not-yet-valid"}
"""What a certificate is to a clock that is wrong."""

_NEED_A_RELAY = {Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT}
_SHOWN = 4
_HARMFUL_MISTAKES = {"bad-url", "no-credential", "expired-credential", "not-an-object"}
_CREDENTIAL_MISTAKES = {"no-credential", "expired-credential"}


def transport(url: str) -> Literal["udp", "tcp", "tls", ""]:
    """How a TURN URL is reached (RFC 7065); empty for anything else."""
    scheme, _, rest = url.lower().partition(":")
    if scheme == "turns":
        return "tls"
    if scheme != "turn":
        return ""
    return "tcp" if rest.endswith("transport=tcp") else "udp"


def by_udp(finding: Finding) -> bool:
    """Whether it is about a relay that is reached over UDP."""
    return transport(finding.subject) == "udp"


def _tries(evidence: Evidence) -> dict[str, list[RelayTried]]:
    tries: dict[str, list[RelayTried]] = defaultdict(list)
    for fact in evidence.of(RelayTried):
        tries[fact.url].append(fact)
    return tries


def _failures(evidence: Evidence) -> Iterator[RelayTried]:
    """The step that failed, for each relay that no byte went through."""
    for url, tried in _tries(evidence).items():
        failed = [fact for fact in tried if not fact.ok]
        if failed and not _works(evidence, url):
            yield failed[-1]


def _works(evidence: Evidence, url: str) -> bool:
    through = any(fact.ok and fact.step is Step.ECHO for fact in _tries(evidence).get(url, ()))
    return through or any(fact.url == url for fact in evidence.of(RelayRoundTrip))


def credentials(evidence: Evidence) -> Iterator[Finding]:
    """A relay that was reached refuses the username or the password."""
    for fact in _failures(evidence):
        if fact.code in WRONG_CREDENTIALS:
            yield _refused("turn-credentials", fact, "credentials")


def quota(evidence: Evidence) -> Iterator[Finding]:
    """A relay that was reached, with a credential that it knows, gives no more allocations."""
    for fact in _failures(evidence):
        if fact.code in NO_MORE:
            yield _refused("turn-quota", fact, None)


def _refused(code: str, fact: RelayTried, remedy: str | None) -> Finding:
    values = (("url", fact.url), ("error", fact.code or 0), ("problem", fact.problem))
    return Finding(code, Severity.HARMFUL, Confidence.PROVED, (fact,), remedy, fact.url, values)


def unreachable(evidence: Evidence) -> Iterator[Finding]:
    """Every other way to fail on the way to a relayed byte; by TCP or TLS if one of those works."""
    working = [url for url in _tries(evidence) if _works(evidence, url)]
    instead = next((url for url in working if transport(url) != "udp"), None)
    for fact in _failures(evidence):
        if fact.code in WRONG_CREDENTIALS | NO_MORE:
            continue
        over_udp = transport(fact.url) == "udp"
        severity = Severity.HARMFUL if over_udp or not working else Severity.NOTICE
        remedy = "relay-tcp" if over_udp and instead else None
        problem = fact.problem or (f"error {fact.code}" if fact.code else "timeout")
        works = [other for other in evidence.of(RelayTried) if over_udp and other.url == instead and other.ok]
        values = (
            ("url", fact.url),
            ("step", str(fact.step)),
            ("problem", problem),
            ("instead", (instead or "") if over_udp else ""),
        )
        because = (fact, *works[-1:])
        yield Finding("turn-unreachable", severity, Confidence.PROVED, because, remedy, fact.url, values)


def mistakes(evidence: Evidence) -> Iterator[Finding]:
    """What is wrong in the configuration itself, and a relay that no way leads to but UDP and plain TCP."""
    for fact in evidence.of(IceServerMistake):
        severity = Severity.HARMFUL if fact.mistake in _HARMFUL_MISTAKES else Severity.NOTICE
        remedy = "credentials" if fact.mistake in _CREDENTIAL_MISTAKES else None
        subject = fact.url or f"{fact.path}[{fact.entry}]"
        values = (
            ("path", fact.path),
            ("entry", fact.entry),
            ("url", fact.url),
            ("mistake", fact.mistake),
            ("detail", fact.detail),
        )
        yield Finding("ice-servers-mistake", severity, Confidence.PROVED, (fact,), remedy, subject, values)
    for read in evidence.of(IceServersRead):
        ways = {transport(url) for url in read.urls} - {""}
        if ways and "tls" not in ways:
            values = (("path", read.path), ("entry", 0), ("url", ""), ("mistake", "no-tls"), ("detail", ""))
            yield Finding("ice-servers-mistake", Severity.NOTICE, Confidence.PROVED, (read,), None, read.path, values)


def stun_only(evidence: Evidence) -> Iterator[Finding]:
    """An application that has no relay to fall back to; how bad that is depends on this network's NAT."""
    for read in evidence.of(IceServersRead):
        if any(transport(url) for url in read.urls):
            continue
        needed = any(one.nat.mapping in _NEED_A_RELAY for one in evidence.translations)
        severity = Severity.HARMFUL if needed else Severity.NOTICE
        values = (("path", read.path), ("urls", len(read.urls)), ("needed", "yes" if needed else "unknown"))
        because: list[Fact] = [read]
        if needed:
            because += (fact for one in evidence.translations for fact in one.seen[:_SHOWN])
        yield Finding(
            "stun-only-configuration", severity, Confidence.PROVED, tuple(because), "relay", read.path, values
        )


def skewed(evidence: Evidence) -> Iterator[Finding]:
    """Our clock and a server's differ by minutes: credentials and certificates are valid at other times."""
    clocks = [fact for fact in evidence.of(ServerClock) if abs(fact.ahead) > SKEWED]
    if clocks and len(clocks) == len(evidence.of(ServerClock)):  # one server's clock alone may be the wrong one
        nearest = min(clocks, key=lambda fact: abs(fact.ahead))
        sure = Confidence.PROVED if len({fact.url for fact in clocks}) > 1 else Confidence.LIKELY
        direction = "behind" if nearest.ahead > 0 else "ahead"
        fails = any(
            fact.code in WRONG_CREDENTIALS or fact.problem == _OF_TIME[direction] for fact in _failures(evidence)
        )
        severity = Severity.HARMFUL if fails else Severity.NOTICE
        values = (("seconds", round(abs(nearest.ahead), 1)), ("direction", direction))
        yield Finding("clock-skew", severity, sure, tuple(clocks), values=values)


def _of_the_clock(skew: Finding, lost: Finding) -> bool:
    return dict(lost.values)["problem"] == _OF_TIME[str(dict(skew.values)["direction"])]


def _of_the_entry(mistake: Finding, refused: Finding) -> bool:
    """A credential that is known to be expired or missing is refused."""
    said = dict(mistake.values)
    return said["mistake"] in _CREDENTIAL_MISTAKES and said["url"] == refused.subject


CLOCK_SKEW = Rule(
    "clock-skew",
    skewed,
    explains=(
        Consequence("turn-credentials"),
        Consequence("turn-unreachable", _of_the_clock, "by a certificate's dates"),
    ),
)
ICE_SERVERS_MISTAKE = Rule(
    "ice-servers-mistake", mistakes, explains=(Consequence("turn-credentials", _of_the_entry, "of the same URL"),)
)
TURN_CREDENTIALS = Rule("turn-credentials", credentials)
TURN_QUOTA = Rule("turn-quota", quota)
TURN_UNREACHABLE = Rule("turn-unreachable", unreachable)
STUN_ONLY_CONFIGURATION = Rule("stun-only-configuration", stun_only)

"""Findings in plain words: one text for the command line, the page and the report. Pure.

Values may come from a network (a hop's name, a server's words): they are cleaned, so that no control character reaches
a terminal, and never read as a template. A page escapes them for HTML itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from landfast.diagnose.words import WORDS, Words
from landfast.model.findings import Finding

UNKNOWN = "(unknown)"
"""What stands for a value that the finding does not have."""

LONGEST = 300
"""Characters of one value; names (253, RFC 1035) and URLs of servers are shorter."""

_PHRASES = {
    "bad-url": "its URL cannot be read",
    "no-credential": "a relay without username or credential",
    "expired-credential": "the credential has expired",
    "not-an-object": "it is no object with `urls`",
    "unknown-key": "a key that RTCIceServer does not have",
    "expired": "its certificate has expired",
    "not-yet-valid": "its certificate is not valid yet",
    "wrong-name": "its certificate is for another name",
    "untrusted": "its certificate is signed by nobody that this host trusts",
    "timeout": "no answer",
    "closed": "it closed the connection",
    "address-dependent": "address-dependent",
    "address-and-port-dependent": "address- and port-dependent",
}
"""Values that are codes."""

_STEPS = {
    "name": "looking up its name",
    "connect": "connecting",
    "tls": "the TLS handshake",
    "allocate": "the allocation",
    "permission": "the permission for a peer",
    "echo": "sending a packet through it",
}


@dataclass(frozen=True)
class Explanation:
    """What to tell about a finding. Each is one or a few sentences of plain text; commands stand in backticks."""

    title: str
    """A few words, without a full stop."""
    what: str
    """What happens here, with the numbers that were measured."""
    why: str
    """Why that breaks WebRTC."""
    helps: str
    """What helps."""
    undo: str
    """How to undo that; empty where nothing is changed on this host."""
    source: str
    """Where the knowledge comes from."""


def explain(finding: Finding) -> Explanation:
    """The words for a finding. Raises KeyError for a code that there are no words for."""
    words = WORDS[finding.code]
    values = {name: said(name, value) for name, value in finding.values}
    told = defaultdict(lambda: UNKNOWN, values)
    return Explanation(
        title=words.title,
        what=sentences(words, dict(finding.values) | {"confidence": str(finding.confidence)}).format_map(told),
        why=words.why,
        helps=words.helps.format_map(told),
        undo=words.undo,
        source=words.source,
    )


def sentences(words: Words, values: Mapping[str, float | int | str]) -> str:
    """The templates that fit a finding's values, one after another."""
    first = next((text for when, text in words.instead.items() if _fits(when, values)), words.what)
    return " ".join([first, *(text for when, text in words.also.items() if _fits(when, values))])


def _fits(when: str, values: Mapping[str, float | int | str]) -> bool:
    name, equals, wanted = when.partition("=")
    value = values.get(name)
    return str(value) == wanted if equals else bool(value)


def said(name: str, value: float | str) -> str:
    """A value as it stands in a sentence."""
    if isinstance(value, str):
        phrases = _STEPS if name == "step" else _PHRASES
        return phrases.get(value) or clean(value) or UNKNOWN
    return f"{value:.10g}"


def clean(text: str) -> str:
    """One line without control characters, bidirectional ones among them, and not too long to read."""
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text[:LONGEST])
    return f"{shown}…" if len(text) > LONGEST else shown

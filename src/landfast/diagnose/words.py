"""The words for every finding, as data; `{names}` stand for the finding's values. Pure.

What is said here of a number or a product was measured by us or stands in the source that is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """What to say about one code.

    `instead` and `also` are for some findings only. Their keys are `name=value`, or `name` for a value that is neither
    0 nor empty; `confidence` is a name, too. The first `instead` that fits takes the place of `what`.
    """

    title: str
    severity: str
    what: str
    why: str
    helps: str
    source: str
    instead: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    undo: str = ""


_FIX = "`landfast fix` "
_UNDO = "`landfast fix --undo`"

WORDS: Mapping[str, Words] = {
    "no-network": Words(
        title="This host has no way out",
        severity="fatal",
        what="There is no default route, and nothing answered. Interfaces that are up: {up}.",
        why="Nothing can be reached, so nothing else could be asked.",
        helps="Connect the interface that should lead out (`ip route show default` must print a line), then ask again.",
        source="RFC 1122, section 3.3.1",
    ),
    "udp-blocked": Words(
        title="UDP does not get through",
        severity="fatal",
        what="No server answered over UDP ({servers}), each asked at least five times; over TCP a server did answer.",
        why="ICE connects peers over UDP. Without it only a relay that is reached over TCP or TLS is left.",
        helps="Give the application a TURN server with `turns:HOST:443?transport=tcp`: guest networks that block UDP "
        "nearly always let TLS to port 443 out. "
        + _FIX
        + "puts relays that work from here first. Or ask the network's "
        "administrator to let UDP out.",
        undo=_UNDO,
        source="RFC 8656, section 3.1 (transports); RFC 7065 (URLs)",
    ),
    "source-address-leak": Words(
        title="Packets leave with a source address that is not the interface's own",
        severity="harmful; fatal if the public address changed after it; a notice where it is only possible",
        what="{packets} UDP packets left {egress} with a source that is not an address of {egress}: {sources}.",
        instead={
            "confidence=likely": "A packet from {sources} would leave by {egress}, which does not have that address, "
            "and no rule on this host changes that. It was not seen leaving: nobody could capture here.",
            "confidence=possible": "A packet from {sources} would leave by {egress}, which does not have that address, "
            "unless a rule changes it; the rules cannot be read by this user.",
        },
        also={"changes": "Within seconds after, the public address changed ({changes} times while we looked)."},
        why="An ICE agent sends from every local address, and Linux lets each of them leave by the default route. "
        "Answers to such packets never come back, so gathering waits for its time-outs. Carriers' gateways drop and "
        "count them, and end the data session after some (Cisco's default: 10): the public address changes, and every "
        "connection dies with it.",
        helps=_FIX + "or `landfast masquerade enable` gives these packets the interface's own address, and touches no "
        "other. Without the rights for that: let the agent gather on the default interface only.",
        undo=_UNDO + ", or `landfast masquerade disable`",
        source="RFC 1122, section 3.3.4.2 (weak host model); Cisco StarOS, `ip source-violation`; ChromeOS, "
        "chromium:898210",
    ),
    "public-address-changes-on-webrtc": Words(
        title="The public address changes whenever a WebRTC connection is opened",
        severity="fatal",
        what="After {followed} of {openings} openings the public address became another one within seconds "
        "(at first {old} → {new}), and never at another time.",
        why="Every mapping is gone with the old address: the connection that was being opened, and all others of this "
        "network with it.",
        helps="No packet with a foreign source was seen before the changes, so masquerading is not known to help. Ask "
        "the carrier or change the router. A session that restarts ICE at the change comes back by itself.",
        source="RFC 8445, section 2.4 (ICE restart); the order of time was measured here",
    ),
    "public-address-unstable": Words(
        title="The public address changed while we looked",
        severity="harmful",
        what="The network's public address became another one, {changes} times (at first {old} → {new}), without a "
        "connection being opened and without a packet that could have caused it.",
        why="Each change ends every connection: what the peer sends goes to an address that is no longer ours.",
        helps="Nothing on this host keeps an address that the network takes away. A session that restarts ICE at the "
        "change comes back in a second or two; without one the connection is dead until somebody opens it again.",
        source="RFC 8445, section 2.4 (ICE restart)",
    ),
    "port-budget-exhausted": Words(
        title="The network gives no more port mappings",
        severity="fatal below 16 mappings; harmful below 128; else a notice",
        what="Of {asked} sockets {mapped} got a mapping. The others were not answered, while a socket that had a "
        "mapping before still was: this is a limit, not a blocked port.",
        why="A carrier gives each subscriber a number of ports. When they are used up, by whomever behind the same "
        "router, new connections find silence, and those that stand go on: it looks like a firewall and is none.",
        helps="Use fewer mappings: gather on one interface, bundle media, and use one relay (one mapping for "
        "everything). " + _FIX + "puts relays that work from here first. Mappings come back when they expire.",
        undo=_UNDO,
        source="RFC 6888, REQ-4; RFC 7422; Richter et al., IMC 2016",
    ),
    "binding-lifetime-absolute": Words(
        title="Mappings die of age, whatever is sent",
        severity="harmful",
        what="A mapping that was kept alive still worked after {alive} s and was dead after {dead} s.",
        why="No keepalive helps: the connection falls silent at that age, and both sides find out only when their "
        "consent checks fail, up to 30 s later.",
        helps="Use a relay over TCP or TLS: the NAT times TCP by other rules. " + _FIX + "puts relays that work from "
        "here first. Over UDP, let the session restart ICE before that age.",
        undo=_UNDO,
        source="RFC 4787, REQ-5 and REQ-6, which forbid it; RFC 7675, section 5.1 (consent expires after 30 s); seen "
        "in the field: iroh, issue 4424",
    ),
    "binding-lifetime-short": Words(
        title="The NAT forgets a silent connection early",
        severity="a notice; harmful at 15 s and below",
        what="A mapping on which nothing is sent lives for {seconds} s (alive after {alive} s, dead after {dead} s; "
        "state: {state}).",
        also={"refresh=outbound": "Only packets from the inside keep it alive."},
        why="A running stack is quicker than that (Chromium 156 sends a check every 2.5 s, aiortc every 5 s); what is "
        "silent for longer is not: a suspended process, a sleeping radio, an idle relay or signalling socket. At "
        "15 s and below even ICE's own keepalives come too late.",
        helps="Send something at least every {keepalive} s on everything that must stay open, so that one packet may "
        "be lost. " + _FIX + "writes that into the policy of this host's sessions.",
        undo=_UNDO,
        source="RFC 4787, REQ-5 (never below 2 minutes); RFC 8445, section 11 (keepalives every 15 s)",
    ),
    "pool-unpaired": Words(
        title="Connections leave from several public addresses at once",
        severity="harmful",
        what="At the same time {addresses} public addresses were in use for {local}: {some}.",
        why="The address that a STUN server sees is not the one that a peer sees. Candidates are wrong, and whatever "
        "compares addresses (relays' permissions, signalling) refuses the packets.",
        helps="Use a relay: the relayed address is the same to everybody. " + _FIX + "puts relays that work from here "
        "first. The carrier can set its pool to paired.",
        undo=_UNDO,
        source="RFC 4787, REQ-2; RFC 6888, REQ-2",
    ),
    "mapping-symmetric": Words(
        title="The NAT gives each destination another port",
        severity="harmful",
        what="The mapping of {local} is {mapping}: one socket was seen at different places by different servers, and "
        "still at the first place by the first.",
        why="The address that STUN tells is not the one that a peer's packets must go to. A direct connection stands "
        "only if the peer can answer to an address it was not told of; between two such NATs it never does.",
        helps="Have a TURN server in the configuration; the connection then falls back to it. " + _FIX + "puts relays "
        "that work from here first.",
        undo=_UNDO,
        source="RFC 4787, REQ-1, which forbids it; RFC 5780, section 4.3 (how it is asked)",
    ),
    "one-way-ipv6": Words(
        title="IPv6 works in one direction only",
        severity="harmful",
        what="Of {sent} requests over IPv6 the server {server} saw some, as it said over IPv4; no answer came back: "
        "the way down is dead.",
        instead={
            "direction=up": "Of {sent} requests over IPv6 the server {server} saw none, as it said over IPv4: the way "
            "up is dead, or the server's own IPv6 is."
        },
        why="A server that sends to the first address it hears from (ICE-lite, mediasoup as DTLS client) answers into "
        "nothing. The handshake waits for time-outs or fails, although IPv4 would work at once.",
        helps="Prefer IPv4 until it is repaired. " + _FIX + "writes that into the policy of this host's sessions. Tell "
        "the provider which direction is dead: packets from here arrive there, answers do not come back, or the like.",
        undo=_UNDO,
        source="RFC 8421 (ICE with both families); mediasoup-client, issue 183",
    ),
    "path-mtu-black-hole": Words(
        title="Long packets vanish without a word",
        severity="harmful below 1400 bytes; else a notice",
        what="IP packets of {passes} bytes arrive and those of {dies} do not, and nobody said that they were too long "
        "(direction: {direction}).",
        why="Checks and keepalives are small and pass; certificates, video and full data messages are long and do not. "
        "The connection stands, and nothing works on it. It is not one-way: small packets pass both ways.",
        helps="Lower the interface's MTU to {passes}, or clamp it in the router; or let the application send shorter "
        "packets. Repair whatever drops ICMP Packet Too Big.",
        undo="Set the interface's MTU back to what it was",
        source="RFC 2923, section 2.1 (black holes); RFC 8899 (probing the path MTU with packets)",
    ),
    "rtt-too-high": Words(
        title="Answers take longer than known stacks wait",
        severity="harmful",
        what="Half of the answers of {server}, the nearest server, took longer than {seconds} s; {lost} of {sent} "
        "requests had none.",
        why="aioice 0.13 waits 0.5 s for the answer to a consent check and does not repeat it: six late ones in a row, "
        "half a minute, and it closes a connection that works.",
        helps="Look for what makes the way long: a satellite, a full queue in the router, a far relay or VPN. In "
        "aiortc, use a session whose checks wait for the measured round trip.",
        source="RFC 7675, section 5.1 (consent expires after 30 s without any answer); aioice, `query_consent`",
    ),
    "clock-skew": Words(
        title="This host's clock is wrong",
        severity="a notice; harmful where a relay fails of it",
        what="The clock here is {seconds} s {direction} of what servers say the time is.",
        why="Time-limited TURN credentials are valid until a time, and so are certificates: to a wrong clock they are "
        "expired, or not yet valid.",
        helps="Set the clock and keep it set: `timedatectl set-ntp true`. Robots without a battery-backed clock need "
        "that before they connect.",
        undo="`timedatectl set-ntp false`",
        source="RFC 5280, section 4.1.2.5 (validity); TURN REST API (draft-uberti-behave-turn-rest)",
    ),
    "ice-servers-mistake": Words(
        title="The ICE servers' configuration has a mistake",
        severity="harmful; a notice where the entry still works",
        what="{path}, entry {entry}: {mistake}.",
        instead={"mistake=no-tls": "{path}: no relay in it is reached over TLS (`turns:`)."},
        also={"url": "It is about {url}.", "detail": "{detail}"},
        why="RTCPeerConnection refuses a bad entry, or takes it and gets no relay from it; that shows only in networks "
        "where a relay is needed.",
        helps="Correct the file. The credential must be valid now, and a relay should have a `turns:` URL on port 443 "
        "for networks that let nothing else out.",
        source="W3C WebRTC, RTCIceServer; RFC 7064, RFC 7065 (URLs)",
    ),
    "turn-credentials": Words(
        title="The TURN server refuses the credential",
        severity="harmful",
        what="{url} was reached and refused the username or the password (error {error}).",
        why="There is no relay, so peers behind NATs that need one do not connect.",
        helps="Get a new credential. One with a time in its username is expired by that time; one from a shared secret "
        "is wrong if the secret differs from the server's.",
        source="RFC 8489, section 9.2.4; RFC 8656, section 19 (441)",
    ),
    "turn-quota": Words(
        title="The TURN server gives no more allocations",
        severity="harmful",
        what="{url} was reached, knows the credential, and gave no allocation (error {error}: quota or capacity).",
        why="There is no relay, until others are given back.",
        helps="Raise `user-quota` or `total-quota` in coturn, or give each user a name of his own. Allocations that "
        "are not given back expire after 10 minutes: let sessions close theirs.",
        source="RFC 8656, section 19 (486, 508) and section 3.2 (lifetime); coturn's manual",
    ),
    "turn-unreachable": Words(
        title="A TURN server cannot be used",
        severity="harmful; a notice where another way to a relay works",
        what="{url} failed at {step}: {problem}.",
        also={"instead": "{instead} does work from here."},
        why="A relay is what is left where a direct connection cannot be made; without one such calls fail.",
        helps="If another URL works, put it first; " + _FIX + "does. Else look at what failed: the name, the port in "
        "the firewall, the certificate (its dates, its name, who signed it), the relay's own ports.",
        undo=_UNDO,
        source="RFC 8656, section 3.1; RFC 7065; RFC 9325 (TLS)",
    ),
    "stun-only-configuration": Words(
        title="The application has no relay to fall back to",
        severity="a notice; harmful where this network's mapping needs a relay",
        what="{path} names {urls} URLs, and no TURN server among them.",
        also={"needed=yes": "This network's NAT is one that needs a relay."},
        why="STUN finds addresses; it does not carry anything. Where both sides' NATs map by destination, or UDP is "
        "blocked, nothing connects without a relay.",
        helps="Add a TURN server, with `turns:` on port 443 among its URLs.",
        source="RFC 8445, section 5.1.1.2 (relayed candidates)",
    ),
    "nat64": Words(
        title="IPv4 is reached through IPv6 (NAT64)",
        severity="a notice; harmful where there is no IPv4 beside it",
        what="The resolver gives IPv4-only names addresses below {prefix}; this host has IPv4, too.",
        instead={
            "ipv4=none": "The resolver gives IPv4-only names addresses below {prefix}, and this host has no IPv4 route."
        },
        why="Names work, addresses do not: IPv4 addresses in candidates and in STUN URLs cannot be reached without "
        "IPv4 or a translator on this host (464XLAT).",
        helps="Give STUN and TURN servers by name, and let them have IPv6 addresses. A relay with IPv6 reaches peers "
        "that have IPv4 only.",
        source="RFC 7050; RFC 6147; RFC 6877 (464XLAT)",
    ),
    "cgnat": Words(
        title="There is a second NAT behind the router",
        severity="a notice",
        what="Addresses between a carrier's NAT and its subscribers (100.64.0.0/10) are on the way: {addresses}.",
        instead={
            "kind=private": "There are two private networks one behind the other, or the router's own outer address is "
            "private: {addresses}."
        },
        why="By itself it breaks nothing. Forwarding a port in the router does not help, and mappings are shorter, "
        "fewer and less stable than at home; if they are, that is a finding of its own.",
        helps="Nothing needs to be done. If peers must be reached without a relay: IPv6, or a public address from the "
        "carrier.",
        source="RFC 6598; RFC 6888; Richter et al., IMC 2016 (over 90 % of cellular networks)",
    ),
}

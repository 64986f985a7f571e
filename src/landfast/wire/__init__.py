"""Bytes ⇄ words. Pure: no socket, no clock, and nothing that arrives by the network can raise.

* `stun.py` — STUN messages (RFC 8489) with what RFC 5780 adds for NAT behaviour; on aioice's codec, like
* `ice.py` — connectivity checks (RFC 8445) and their answers; `candidate.py` — the line of a candidate; and
* `turn/` — the client's side of TURN (RFC 8656, RFC 8016), without a socket or a clock.
* `reflector.py` — what a landfast reflector speaks beyond STUN: answers that are put off, and its control's JSON.
* `iceservers.py` — what an application gives to RTCPeerConnection, with every mistake in it named.
* `netfilter.py` — what nft, iptables and conntrack read and write; `cover.py` — whether a ruleset keeps a source back.
* `signalling.py` — what peers and the signalling server say, and how a conversation survives its connection.
"""

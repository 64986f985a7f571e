"""The rules: one for each finding code, each a small pure function of the facts, with what it explains beside it.

    rule.py          what a rule is
    passage.py       what passes at all: no-network, udp-blocked, path-mtu-black-hole, one-way-ipv6
    sources.py       packets with a foreign source: source-address-leak
    addresses.py     the public address changes: public-address-changes-on-webrtc, public-address-unstable
    translation.py   NATs: port-budget-exhausted, pool-unpaired, mapping-symmetric, nat64, cgnat
    lifetimes.py     how long bindings live: binding-lifetime-absolute, binding-lifetime-short
    relays.py        TURN and the configuration: clock-skew, ice-servers-mistake, turn-credentials, turn-quota,
                     turn-unreachable, stun-only-configuration
    quality.py       rtt-too-high

RULES has them all, causes before what they explain; findings of equal severity are told in this order.
"""

from __future__ import annotations

from landfast.diagnose.rules import addresses, lifetimes, passage, quality, relays, sources, translation
from landfast.diagnose.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    passage.NO_NETWORK,
    passage.UDP_BLOCKED,
    sources.SOURCE_ADDRESS_LEAK,
    addresses.PUBLIC_ADDRESS_CHANGES_ON_WEBRTC,
    addresses.PUBLIC_ADDRESS_UNSTABLE,
    translation.PORT_BUDGET_EXHAUSTED,
    lifetimes.BINDING_LIFETIME_ABSOLUTE,
    lifetimes.BINDING_LIFETIME_SHORT,
    translation.POOL_UNPAIRED,
    translation.MAPPING_SYMMETRIC,
    passage.ONE_WAY_IPV6,
    passage.PATH_MTU_BLACK_HOLE,
    quality.RTT_TOO_HIGH,
    relays.CLOCK_SKEW,
    relays.ICE_SERVERS_MISTAKE,
    relays.TURN_CREDENTIALS,
    relays.TURN_QUOTA,
    relays.TURN_UNREACHABLE,
    relays.STUN_ONLY_CONFIGURATION,
    translation.NAT64,
    translation.CGNAT,
)

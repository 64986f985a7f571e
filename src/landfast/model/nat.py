"""The words for what a NAT does: RFC 4787 (mapping, filtering, pooling). Enums and one frozen value; no judgement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mapping(StrEnum):
    """How an external (address, port) depends on whom a packet goes to (RFC 4787, section 4.1)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


class Filtering(StrEnum):
    """Whose packets are let in (RFC 4787, section 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


class Pooling(StrEnum):
    """Whether one inner host keeps one external address (RFC 4787, section 4.1, REQ-2)."""

    PAIRED = "paired"
    ARBITRARY = "arbitrary"


@dataclass(frozen=True)
class NatBehaviour:
    """What is known of a NAT; None where it was not asked or could not be told."""

    mapping: Mapping | None = None
    filtering: Filtering | None = None
    pooling: Pooling | None = None
    translated: bool | None = None
    """False: the server sees the very address and port of the socket."""
    port_preserved: bool | None = None
    """Every mapping kept the socket's port number (RFC 4787, section 4.2.1)."""
    address_changed: bool | None = None
    """The public address became another one while we asked: the NAT, or the session, was given a new one."""
    port_changed: bool | None = None
    """A mapping was lost and made again at another port of the same address."""

"""The arms of a trial: what is different in each, and how that is put in place and taken away.

An arm differs in one thing only. `off` is the network as it is; `on` adds the remedy; each of the others takes away one
part of the mechanism instead (the foreign addresses, the carrier's reset, the agent's sockets, Linux's routing), and
with any of them gone the fault must go too. Those that change the network itself exist in the laboratory only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from landfast.errors import RequestError, UnknownName
from landfast.kernel.host import Host
from landfast.remedies.masquerade.options import Options

if TYPE_CHECKING:
    from landfast.lab.network import Network


async def _masquerade(robot: Host, options: Options) -> None:
    from landfast.remedies import masquerade

    await masquerade.enable(robot, options)


async def _unmasquerade(robot: Host) -> None:
    from landfast.remedies import masquerade

    await masquerade.disable(robot)


def _same(network: Network) -> Network:
    return network


def _robot_but(network: Network, **changes: object) -> Network:
    return network.but(hosts={**network.hosts, "robot": network.hosts["robot"].but(**changes)})


def _without_foreign_addresses(network: Network) -> Network:
    robot = network.hosts["robot"]
    ways_out = {name: face for name, face in robot.interfaces.items() if face.via}
    return _robot_but(network, interfaces=ways_out, bridges={}, foreign_ipv6=None)


def _without_resets(network: Network) -> Network:
    limited = {
        name: router.but(gateway=router.gateway.but(limit=0)) if router.gateway else router
        for name, router in network.routers.items()
    }
    return network.but(routers=limited)


def _strong_host(network: Network) -> Network:
    return _robot_but(network, routing="strong")


@dataclass(frozen=True)
class Arm:
    """One arm. `enter` and `leave` act on the robot, `network` declares the laboratory's network anew."""

    name: str
    says: str
    enter: Callable[[Host, Options], Awaitable[None]] | None = None
    leave: Callable[[Host], Awaitable[None]] | None = None
    network: Callable[[Network], Network] = _same
    default_route_only: bool = False
    """The robot's agent gathers candidates on the default route's address only."""

    @property
    def laboratory_only(self) -> bool:
        """Whether it needs a network that can be declared."""
        return self.network is not _same


ARMS = {
    arm.name: arm
    for arm in (
        Arm("off", "the network as it is"),
        Arm("on", "with the remedy", _masquerade, _unmasquerade),
        Arm("no-foreign-address", "the robot has no other interface", network=_without_foreign_addresses),
        Arm("limit-0", "the carrier drops foreign sources but never resets the session", network=_without_resets),
        Arm("default-route-only", "the agent uses the default route's address only", default_route_only=True),
        Arm("strong-host", "the robot routes as Windows and macOS do (RFC 1122, 3.3.4.2)", network=_strong_host),
    )
}


def chosen(names: Sequence[str], *, laboratory: bool) -> dict[str, Arm]:
    """Arms by name. Raises UnknownName; RequestError for one that only the laboratory has."""
    for name in names:
        if name not in ARMS:
            raise UnknownName("arm", name, list(ARMS))
    if not laboratory and (missing := _laboratory_only(names)):
        raise RequestError(f"only the laboratory has these arms: {', '.join(missing)}")
    return {name: ARMS[name] for name in names}


def _laboratory_only(names: Iterable[str]) -> list[str]:
    return [name for name in names if ARMS[name].laboratory_only]


@asynccontextmanager
async def in_place(arm: Arm, robot: Host, options: Options) -> AsyncIterator[None]:
    """Put an arm in place for a while; it is taken away however that ends, half-way put too."""
    try:
        if arm.enter:
            await arm.enter(robot, options)
        yield
    finally:
        if arm.leave:
            await arm.leave(robot)

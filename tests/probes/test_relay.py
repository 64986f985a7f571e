"""Every step to a relayed byte, on a real coturn; what is wrong is told by the step that fails, and nothing is left."""

from __future__ import annotations

import asyncio
import base64
import hmac
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from landfast.errors import BadFile
from landfast.kernel.host import Host
from landfast.kernel.sandbox import SandboxHost
from landfast.lab.lab import Lab
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import Fact, RelayRoundTrip, RelayTried, ServerClock, Step
from landfast.model.iceservers import Transport, TurnServer
from landfast.probes import connecting, relay
from landfast.probes.questions import Relay
from landfast.servers import certificate, coturn
from landfast.servers.certificate import Certificate
from landfast.servers.coturn import Settings
from landfast.wire.turn import Client, Credential, Refused
from tests.lan import lan

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

ONE, OTHER = "198.51.100.5", "198.51.100.6"
PORTS: dict[Transport, int] = {"udp": 3478, "tcp": 3478, "tls": 5349}
DATAGRAMS = [Step.NAME, Step.CONNECT, Step.ALLOCATE, Step.PERMISSION, Step.ECHO]
TLS = [Step.NAME, Step.CONNECT, Step.TLS, Step.ALLOCATE, Step.PERMISSION, Step.ECHO]


def server(transport: Transport, *, host: str = ONE, port: int = 0, password: str = "secret") -> TurnServer:
    return TurnServer(host, port or PORTS[transport], transport, "robot", password)


async def tried(host: Host, asked: TurnServer, authority: str = "") -> tuple[list[RelayTried], list[Fact]]:
    """The steps that were told, and the other facts."""
    told: list[Fact] = []
    await relay.ask(host, Relay(asked, authority), told.append)
    assert [fact.at for fact in told] == sorted(fact.at for fact in told)
    steps = [fact for fact in told if isinstance(fact, RelayTried)]
    assert {step.url for step in steps} == {asked.url}
    assert all(step.ok for step in steps[:-1])  # the first that fails is the last
    return steps, [fact for fact in told if not isinstance(fact, RelayTried)]


async def succeeds(host: Host, asked: TurnServer, authority: str = "") -> None:
    steps, (trip,) = await tried(host, asked, authority)
    assert [step.step for step in steps] == (TLS if asked.transport == "tls" else [*DATAGRAMS])
    assert steps[-1].ok
    assert isinstance(trip, RelayRoundTrip)
    assert trip.seconds > 0
    assert trip.direct is not None
    assert trip.direct > 0


async def fails(host: Host, asked: TurnServer, authority: str = "") -> tuple[Step, int | None, str]:
    """The step, the code and the problem."""
    steps, others = await tried(host, asked, authority)
    assert others == [] or isinstance(others[0], ServerClock)
    assert not steps[-1].ok
    return steps[-1].step, steps[-1].code, steps[-1].problem


@asynccontextmanager
async def turn(
    *options: str, issued: Certificate | None = None, addresses: tuple[str, ...] = (ONE,)
) -> AsyncIterator[tuple[SandboxHost, SandboxHost]]:
    """A robot and a server with coturn on it, on one network."""
    settings = Settings(addresses, {"robot": "secret"}, options=options)
    async with lan(server=" ".join(f"{each}/24" for each in (ONE, OTHER)), robot="198.51.100.10/24") as hosts:
        running = await coturn.start(hosts["server"], settings, issued or certificate.issue(ONE))
        yield hosts["robot"], hosts["server"]
        await running.stop()


@pytest.mark.parametrize("transport", PORTS)
async def test_a_byte_goes_through_and_back_and_the_allocation_is_given_back(
    transport: Transport, tmp_path: Path
) -> None:
    """Each time the only allocation that this user may have."""
    issued = certificate.issue(ONE)
    authority = tmp_path / "authority.pem"
    authority.write_text(issued.authority)
    async with turn("user-quota=1", issued=issued) as (robot, _):
        await succeeds(robot, server(transport), str(authority))
        await succeeds(robot, server(transport), str(authority))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_cancelled_it_gives_the_allocation_back(transport: Transport) -> None:
    async with turn("user-quota=1") as (robot, _):
        told: list[Fact] = []

        def tell(fact: Fact) -> None:
            told.append(fact)
            if isinstance(fact, RelayTried) and fact.step is Step.ALLOCATE:
                asking.cancel()

        asking = asyncio.create_task(relay.ask(robot, Relay(server(transport)), tell))
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert told
        await succeeds(robot, server(transport))


async def test_a_wrong_password_and_a_quota_that_is_reached_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_QUOTA_WAIT", 0.01)
    async with turn("user-quota=1") as (robot, _):
        for transport in ("udp", "tcp"):
            wrong = server(transport, password="wrong")
            assert await fails(robot, wrong) == (Step.ALLOCATE, 401, "Unauthorized")
        line = await connecting.datagrams(robot, (ONE, 3478))
        holding = relay._Driven(Client(Credential("robot", "secret")), line)
        holding.client.allocate(0.0)
        assert not isinstance(await holding.until(lambda _: True, 2.0), Refused)
        assert await fails(robot, server("tcp")) == (Step.ALLOCATE, 486, "Allocation Quota Reached")
        await holding.release()
        line.close()
        monkeypatch.undo()
        await succeeds(robot, server("udp"))


async def test_a_time_limited_credential_is_refused_when_its_time_is_over() -> None:
    """draft-uberti-behave-turn-rest-00: USERNAME tells when it expires, its HMAC is the password."""
    settings = Settings((ONE,), secret="shared")
    async with lan(server=f"{ONE}/24", robot="198.51.100.10/24") as hosts:
        running = await coturn.start(hosts["server"], settings, certificate.issue(ONE))
        for seconds, end in ((3600, None), (-3600, 401)):
            username = f"{datetime.now(UTC).timestamp() + seconds:.0f}:robot"
            password = base64.b64encode(hmac.digest(b"shared", username.encode(), "sha1")).decode()
            steps, _ = await tried(hosts["robot"], TurnServer(ONE, 3478, "udp", username, password))
            assert (steps[-1].code, steps[-1].ok) == (end, end is None)
        await running.stop()


async def test_questions_at_once_do_not_take_each_other_for_a_quota_that_is_reached() -> None:
    async with turn("user-quota=1") as (robot, _):
        await asyncio.gather(*(succeeds(robot, server(transport)) for transport in ("udp", "tcp")))


async def test_a_certificate_that_is_wrong_is_told_with_what_is_wrong(tmp_path: Path) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    issues = {
        "expired": certificate.issue(ONE, since=now - 2 * day, until=now - day),
        "not-yet-valid": certificate.issue(ONE, since=now + day, until=now + 2 * day),
        "wrong-name": certificate.issue("turn.example.org"),
        "untrusted": certificate.issue(ONE),
    }
    authority = tmp_path / "authority.pem"
    for problem, issued in issues.items():
        authority.write_text(issued.authority)
        async with turn(issued=issued) as (robot, _):
            steps, others = await tried(robot, server("tls"), "" if problem == "untrusted" else str(authority))
            assert (steps[-1].step, steps[-1].ok, steps[-1].problem) == (Step.TLS, False, problem)
            clocks = [fact.ahead for fact in others if isinstance(fact, ServerClock)]
            assert clocks == ([pytest.approx(day.total_seconds(), abs=60)] if problem == "not-yet-valid" else [])


async def test_where_udp_is_blocked_tls_on_port_443_goes_through() -> None:
    async with Lab("udp-blocked", verified=False) as lab:
        services, robot = lab.services, lab.host("robot")
        username, password = services.turn_username, services.turn_password
        host, authority = services.stun[0], services.authority
        await succeeds(robot, TurnServer(host, 443, "tls", username, password), authority)
        blocked = TurnServer(host, 3478, "udp", username, password)
        assert await fails(robot, blocked) == (Step.CONNECT, None, "timeout")


async def test_over_ipv6_too() -> None:
    async with Lab("dual-stack", verified=False) as lab:
        services = lab.services
        for transport in ("udp", "tcp"):
            asked = TurnServer(
                str(SERVER_ADDRESSES6[0]), 3478, transport, services.turn_username, services.turn_password
            )
            await succeeds(lab.host("robot"), asked)


@pytest.mark.parametrize("profile", ["home", "symmetric"])
async def test_a_server_that_relays_not_to_itself_relays_to_a_second_socket(profile: str) -> None:
    """Behind NAT, port preserving or not: the second socket's first packet opens it for the answer."""
    own = str(SERVER_ADDRESSES[0])
    settings = Settings((own,), {"robot": "secret"}, options=(f"denied-peer-ip={own}",))
    async with Lab(profile, verified=False, served=False) as lab:
        running = await coturn.start(lab.host("server"), settings, certificate.issue(own))
        for transport in ("udp", "tcp"):
            await succeeds(lab.host("robot"), server(transport, host=own))
        await running.stop()


async def test_a_server_that_permits_nobody_is_told_by_its_code() -> None:
    async with turn("denied-peer-ip=0.0.0.0-255.255.255.255") as (robot, _):
        assert await fails(robot, server("udp")) == (Step.PERMISSION, 403, "Forbidden IP")


async def test_a_redirection_is_followed_and_a_circle_is_told() -> None:
    async with turn(f"alternate-server={OTHER}:3478") as (robot, turned):
        assert await fails(robot, server("udp")) == (Step.CONNECT, None, "refused")
        assert await fails(robot, server("tcp")) == (Step.CONNECT, None, "refused")
        running = await coturn.start(turned, Settings((OTHER,), {"robot": "secret"}), certificate.issue(OTHER))
        for transport in ("udp", "tcp"):
            steps, (trip,) = await tried(robot, server(transport))
            assert [step.step for step in steps] == [Step.NAME, Step.CONNECT, *DATAGRAMS[1:]]
            assert isinstance(trip, RelayRoundTrip)
        await running.stop()
        circle = Settings((OTHER,), {"robot": "secret"}, options=(f"alternate-server={ONE}:3478",))
        running = await coturn.start(turned, circle, certificate.issue(OTHER))
        assert await fails(robot, server("udp")) == (Step.ALLOCATE, 300, "redirected in a circle")
        await running.stop()


async def test_a_name_is_looked_up_on_the_host() -> None:
    async with turn() as (robot, _):
        hosts = robot.root / "etc" / "hosts"
        hosts.parent.mkdir(exist_ok=True)
        hosts.write_text(f"{ONE} turn.example.org\n")
        await succeeds(robot, server("udp", host="turn.example.org"))
        assert await fails(robot, server("udp", host="other.example.org")) == (Step.NAME, None, "no address")


async def test_where_nobody_listens_it_is_refused() -> None:
    async with lan(server=f"{ONE}/24", robot="198.51.100.10/24") as hosts:
        for transport in ("udp", "tcp", "tls"):
            assert await fails(hosts["robot"], server(transport)) == (Step.CONNECT, None, "refused")


@pytest.mark.parametrize(
    ("said", "problem"),
    [(b"", "closed"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "garbled"), (None, "timeout")],
)
async def test_what_answers_but_not_as_turn_is_told(
    said: bytes | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.3)

    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(said or b"")
        if said is None:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        asked = server("tcp", host="127.0.0.1", port=port)
        assert await fails(Host.here(), asked) == (Step.ALLOCATE, None, problem)
        await left.wait()


async def test_an_authority_that_cannot_be_read_is_the_askers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="nowhere"):
        await relay.ask(Host.here(), Relay(server("tls"), str(tmp_path / "nowhere")), lambda _: None)


async def test_all_of_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing is left in time, with the step that it was."""
    monkeypatch.setattr(relay, "LONGEST", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = server("tcp", host="127.0.0.1", port=silent.getsockname()[1])
        assert await fails(Host.here(), asked) == (Step.ALLOCATE, None, "timeout")


async def test_a_server_that_does_not_take_the_allocation_back_does_not_spoil_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_: object) -> None:
        await asyncio.Future()

    monkeypatch.setattr(relay._Driven, "release", never)
    monkeypatch.setattr(relay, "LONGEST", 0.5)
    async with turn() as (robot, _):
        await succeeds(robot, server("tcp"))


async def test_without_a_way_there_the_system_says_so() -> None:
    async with lan(robot="198.51.100.10/24") as hosts:
        for transport in ("udp", "tcp"):
            step, code, problem = await fails(hosts["robot"], server(transport, host="203.0.113.1"))
            assert (step, code, problem) == (Step.CONNECT, None, "Network is unreachable")

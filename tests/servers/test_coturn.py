from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest

from landfast.errors import NotReady, RequestError
from landfast.kernel.host import Host
from landfast.kernel.sandbox import SandboxHost
from landfast.model.facts import Endpoint
from landfast.servers import coturn
from landfast.servers.certificate import issue
from landfast.servers.coturn import Settings
from landfast.wire import stun
from landfast.wire.stun import StunMessage
from tests.lan import lan

ONE, OTHER = "198.51.100.5", "198.51.100.6"
SETTINGS = Settings((ONE, OTHER), {"robot": "secret"})


def test_the_configuration_is_this_text() -> None:
    assert coturn.configuration(SETTINGS, "/dev/shm/x") == (
        "listening-ip=198.51.100.5\n"
        "listening-ip=198.51.100.6\n"
        "listening-port=3478\n"
        "tls-listening-port=5349\n"
        "aux-server=198.51.100.5:443\n"
        "aux-server=198.51.100.6:443\n"
        "min-port=49152\n"
        "max-port=65535\n"
        "realm=landfast\n"
        "fingerprint\n"
        "lt-cred-mech\n"
        "user=robot:secret\n"
        "cert=/dev/shm/x/chain.pem\n"
        "pkey=/dev/shm/x/key.pem\n"
        "no-dtls\n"
        "userdb=/dev/shm/x/users.db\n"
        "pidfile=/dev/shm/x/pid\n"
        "log-file=stdout\n"
        "no-cli\n"
        "relay-threads=1\n"
    )


def test_a_shared_secret_takes_the_place_of_users() -> None:
    lines = coturn.configuration(Settings(("::1",), secret="s3cret"), "/x").splitlines()
    assert {"use-auth-secret", "static-auth-secret=s3cret", "aux-server=[::1]:443"} < set(lines)
    assert "lt-cred-mech" not in lines


def test_further_lines_stand_at_the_end() -> None:
    settings = Settings((ONE,), {"robot": "secret"}, options=("mobility", "user-quota=1"))
    assert coturn.configuration(settings, "/x").endswith("\nmobility\nuser-quota=1\n")


@pytest.mark.parametrize(
    "impossible",
    [
        {"users": {"a": "b"}, "options": ("x\ny",)},
        {"users": {}},
        {"users": {"a": "b"}, "secret": "c"},
        {"users": {"a": "b\nno-auth"}},
        {"secret": "c", "realm": "x\ny"},
    ],
)
def test_impossible_settings_are_refused(impossible: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        Settings((ONE,), **impossible)  # type: ignore[arg-type]


def test_urls_go_from_udp_to_the_port_of_the_web() -> None:
    assert SETTINGS.urls == [
        f"turn:{ONE}:3478?transport=udp",
        f"turn:{ONE}:3478?transport=tcp",
        f"turns:{ONE}:5349?transport=tcp",
        f"turns:{ONE}:443?transport=tcp",
    ]


async def ask(
    host: Host, server: Endpoint, *, change_ip: bool = False, change_port: bool = False
) -> tuple[StunMessage, Endpoint]:
    """Ask until it is answered: the answer and where it came from."""
    asking = await host.udp()
    with asking:
        asking.sendto(stun.binding_request(os.urandom(12), change_ip=change_ip, change_port=change_port), server)
        data, source = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(asking, 2048), 5)
    message = stun.parse(data)
    assert message is not None
    return message, source


async def trust(host: SandboxHost, authority: str, folder: Path, address: Endpoint) -> str | None:
    """The version of TLS with a server that proves to be `server` to one who trusts `authority`."""
    file = folder / "authority.pem"
    file.write_text(authority)
    context = ssl.create_default_context(cafile=str(file))
    connected = await host.socket(2, 1)
    await asyncio.get_running_loop().sock_connect(connected, address)
    _, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname="server")
    version: str | None = writer.get_extra_info("ssl_object").version()
    writer.close()
    await writer.wait_closed()
    return version


@pytest.mark.lab
@pytest.mark.anyio
async def test_it_answers_on_every_address_and_port_when_start_returns(tmp_path: Path) -> None:
    certificate = issue(ONE, OTHER, "server")
    async with lan(server=f"{ONE}/24 {OTHER}/24", robot="198.51.100.10/24") as hosts:
        server = await coturn.start(hosts["server"], SETTINGS, certificate)
        robot = hosts["robot"]
        for address in (ONE, OTHER):
            message, source = await ask(robot, (address, 3478))
            assert source == (address, 3478)
            assert message.mapped is not None
            assert message.mapped[0] == "198.51.100.10"
            for port in (5349, 443):
                assert await trust(robot, certificate.authority, tmp_path, (address, port)) in ("TLSv1.2", "TLSv1.3")
        await server.stop()


@pytest.mark.lab
@pytest.mark.anyio
async def test_asked_at_the_first_address_it_answers_from_the_others() -> None:
    async with lan(server=f"{ONE}/24 {OTHER}/24", robot="198.51.100.10/24") as hosts:
        server = await coturn.start(hosts["server"], SETTINGS, issue(ONE))
        message, _ = await ask(hosts["robot"], (ONE, 3478))
        assert message.other_address == (OTHER, 3479)
        for change, responder in (
            ({"change_port": True}, (ONE, 3479)),
            ({"change_ip": True}, (OTHER, 3478)),
            ({"change_ip": True, "change_port": True}, (OTHER, 3479)),
        ):
            assert (await ask(hosts["robot"], (ONE, 3478), **change))[1] == responder
        await server.stop()


@pytest.mark.lab
@pytest.mark.anyio
async def test_stop_leaves_nothing_behind_and_may_be_called_again() -> None:
    async with lan(server=f"{ONE}/24 {OTHER}/24") as hosts:
        before = await hosts["server"].run(["ls", "/dev/shm"])
        server = await coturn.start(hosts["server"], SETTINGS, issue(ONE))
        await server.stop()
        await server.stop()
        assert server.program.code is not None
        assert (await hosts["server"].run(["ls", "/dev/shm"])).stdout == before.stdout


@pytest.mark.lab
@pytest.mark.anyio
async def test_one_that_cannot_listen_says_why() -> None:
    async with lan(server=f"{ONE}/24") as hosts:
        with pytest.raises(NotReady, match=OTHER):
            await coturn.start(hosts["server"], SETTINGS, issue(ONE))
        assert "coturn" not in (await hosts["server"].run(["ls", "/dev/shm"])).stdout

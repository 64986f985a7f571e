from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.sandbox import SandboxHost
from landfast.probes import upnp
from tests.lan import lan

GATEWAY = "10.0.0.254"
KIND = "urn:schemas-upnp-org:service:WANIPConnection:1"


def found(where: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1", f"Location: {where}", "", ""]
    return "\r\n".join(lines).encode()


def service(kind: str, control: str) -> str:
    parts = f"<serviceType>{kind}</serviceType><SCPDURL>/s.xml</SCPDURL><controlURL>{control}</controlURL>"
    return f"<service>{parts}</service>"


def described(control: str, kind: str = KIND) -> bytes:
    other = service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3")
    return f'<?xml version="1.0"?><root>{other}\n{service(kind, control)}</root>'.encode()


def answered(address: str) -> bytes:
    told = f"<NewExternalIPAddress>{address}</NewExternalIPAddress>"
    return f"<s:Envelope><s:Body><u:GetExternalIPAddressResponse>{told}</u:GetExternalIPAddressResponse>".encode()


def test_only_an_internet_gateway_is_one() -> None:
    assert upnp.is_gateway(found("http://10.0.0.254/"))
    assert not upnp.is_gateway(found("http://10.0.0.254/").replace(b"InternetGatewayDevice", b"MediaServer"))
    assert not upnp.is_gateway(found("http://10.0.0.254/").replace(b"200 OK", b"404 Not Found"))


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://10.0.0.254:5000/rootDesc.xml", (5000, "/rootDesc.xml")),
        ("http://10.0.0.254/d?x=1", (80, "/d?x=1")),
        ("http://10.0.0.254", (80, "/")),
        ("http://203.0.113.66:80/", None),  # somebody else's
        ("https://10.0.0.254/", None),
        ("http://10.0.0.254:99999/", None),
        ("http://[10.0.0.254/", None),
    ],
)
def test_the_description_is_fetched_from_the_gateway_only(url: str, there: tuple[int, str] | None) -> None:
    assert upnp.location(found(url), GATEWAY) == there


@pytest.mark.parametrize(
    ("control", "there"),
    [
        ("/ctl/IPConn", (KIND, 5000, "/ctl/IPConn")),
        ("ctl/IPConn", (KIND, 5000, "/ctl/IPConn")),
        ("http://10.0.0.254:1234/c", (KIND, 1234, "/c")),
        ("http://203.0.113.66/c", None),
    ],
)
def test_the_right_service_is_asked_and_only_on_the_gateway(control: str, there: tuple[str, int, str] | None) -> None:
    assert upnp.control(described(control), GATEWAY, 5000) == there


def test_a_gateway_without_that_service_is_not_asked() -> None:
    kind = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
    assert upnp.control(described("/c", kind), GATEWAY, 5000) is None


@pytest.mark.parametrize(
    ("address", "external"), [("100.64.3.7", "100.64.3.7"), ("0.0.0.0", None), ("", None), ("999.1.1.1", None)]
)
def test_the_address_that_it_tells(address: str, external: str | None) -> None:
    assert upnp.told(answered(address)) == external


@given(st.binary(max_size=200))
def test_nothing_that_comes_can_raise(data: bytes) -> None:
    upnp.is_gateway(data)
    upnp.location(b"LOCATION: " + data, GATEWAY)
    upnp.control(b"".join([described("/").partition(b"/</")[0], data, b"</controlURL></service>"]), GATEWAY, 80)
    upnp.told(b"<NewExternalIPAddress>" + data)


@asynccontextmanager
async def gateway(answers: dict[str, bytes]) -> AsyncIterator[tuple[SandboxHost, list[str]]]:
    """A robot and a web server by HTTP/1.0; what it was asked for."""
    asked: list[str] = []
    gone: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode()
        asked.append(" ".join(line.split()[:2]))
        if (body := answers.get(line.split()[1])) is not None:
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + body)
        else:
            gone.set_result(await reader.read())  # silent until the other side has had enough
        writer.close()

    async with lan(robot="10.0.0.1/24", gateway=f"{GATEWAY}/24") as hosts:
        opened = await hosts["gateway"].socket(socket.AF_INET, socket.SOCK_STREAM)
        opened.bind((GATEWAY, 5000))
        async with await asyncio.start_server(answer, sock=opened):
            yield hosts["robot"], asked
            if any(line.split()[1] not in answers for line in asked):
                await gone


@pytest.mark.anyio
@pytest.mark.lab
async def test_a_gateway_is_asked_for_its_address_and_nothing_else() -> None:
    async with gateway({"/d.xml": described("/c"), "/c": answered("100.64.3.7")}) as (robot, asked):
        assert await upnp.external(robot, GATEWAY, found(f"http://{GATEWAY}:5000/d.xml")) == "100.64.3.7"
        assert asked == ["GET /d.xml", "POST /c"]


@pytest.mark.anyio
@pytest.mark.lab
async def test_a_gateway_that_does_not_tell_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upnp, "WITHIN", 0.1)
    async with gateway({"/d.xml": described("/silent")}) as (robot, asked):
        assert await upnp.external(robot, GATEWAY, found(f"http://{GATEWAY}:5000/d.xml")) is None
        assert await upnp.external(robot, GATEWAY, found(f"http://{GATEWAY}:5001/d.xml")) is None
        assert asked == ["GET /d.xml", "POST /silent"]

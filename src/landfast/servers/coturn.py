"""coturn: STUN and TURN. `configuration` is the text it reads, `start` runs it on a Host.

With two addresses of a family it also answers RFC 5780's questions. coturn 4.6.1 does that right on the first address
only: asked at the second to answer from the other address, it names itself.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from landfast.errors import RequestError
from landfast.kernel.host import Host, Program, family_of
from landfast.servers import running
from landfast.servers.certificate import Certificate
from landfast.servers.running import Running
from landfast.wire import stun

_MEMORY = "/dev/shm"  # noqa: S108 -- tmpfs on every Linux; in a sandbox it is the sandbox's own and ends with it
_CONFIGURATION = "turnserver.conf"
_RETRY = 0.02  # seconds until a request on the same host is repeated, which takes microseconds when it is answered


@dataclass(frozen=True)
class Settings:
    """What a server shall be. Either `users` (name → password) or a `secret` shared with who issues credentials."""

    addresses: tuple[str, ...]
    users: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    """For credentials that expire (draft-uberti-behave-turn-rest-00)."""
    realm: str = "landfast"
    port: int = 3478
    """UDP and TCP; with two addresses also `port + 1` (RFC 5780). RFC 8489's default."""
    tls_port: int = 5349
    web_port: int | None = 443
    """TLS where nothing but the web is let out."""
    relay_ports: tuple[int, int] = (49152, 65535)
    """RFC 8656, section 7.2."""
    options: tuple[str, ...] = ()
    """Further lines: `mobility`, `user-quota=1`."""

    def __post_init__(self) -> None:
        if bool(self.users) == (self.secret is not None):
            raise RequestError("a TURN server has either users or a shared secret")
        texts = (*self.addresses, self.realm, self.secret or "", *self.users, *self.users.values(), *self.options)
        for text in texts:
            if not text.isprintable():
                raise RequestError(f"not a word for a configuration file: {text!r}")

    @property
    def urls(self) -> list[str]:
        """Where the first address is reached (RFC 7065), the way that needs least first."""
        at = _bracketed(self.addresses[0])
        plain = [f"turn:{at}:{self.port}?transport={transport}" for transport in ("udp", "tcp")]
        ports = [port for port in (self.tls_port, self.web_port) if port]
        return plain + [f"turns:{at}:{port}?transport=tcp" for port in ports]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def configuration(settings: Settings, folder: str) -> str:
    """The configuration as coturn reads it; every file that it names lies in `folder`."""
    lines = [f"listening-ip={address}" for address in settings.addresses]
    lines += [f"listening-port={settings.port}", f"tls-listening-port={settings.tls_port}"]
    if settings.web_port:
        lines += [f"aux-server={_bracketed(address)}:{settings.web_port}" for address in settings.addresses]
    first, last = settings.relay_ports
    lines += [f"min-port={first}", f"max-port={last}", f"realm={settings.realm}", "fingerprint"]
    if settings.secret is None:
        lines += ["lt-cred-mech", *(f"user={name}:{password}" for name, password in settings.users.items())]
    else:
        lines += ["use-auth-secret", f"static-auth-secret={settings.secret}"]
    lines += [f"cert={folder}/chain.pem", f"pkey={folder}/key.pem", "no-dtls"]  # no client here speaks TURN over DTLS
    lines += [f"userdb={folder}/users.db", f"pidfile={folder}/pid", "log-file=stdout", "no-cli"]
    lines += ["relay-threads=1"]  # one robot and one operator; the machine's other cores are theirs
    lines += settings.options
    return "\n".join(lines) + "\n"


async def start(host: Host, settings: Settings, certificate: Certificate) -> Running:
    """Run coturn on a host until stopped; it answers on every address and port when this returns.

    Raises CapabilityMissing without the program, NotReady when it does not come up.
    """
    folder = await host.call(_folder, settings, certificate)

    async def ready(_program: Program) -> None:
        tcp = [port for port in (settings.port, settings.tls_port, settings.web_port) if port]
        answers = [_answers(host, address, settings.port) for address in settings.addresses]
        accepts = [_accepts(host, address, port) for address in settings.addresses for port in tcp]
        await asyncio.gather(*answers, *accepts)

    argv = ["turnserver", "-c", f"{folder}/{_CONFIGURATION}"]
    return await running.start(host, argv, ready, logs_to_stdout=True, cleanup=lambda: host.call(shutil.rmtree, folder))


def _folder(settings: Settings, certificate: Certificate) -> str:
    """A folder with what coturn reads; it also writes there."""
    folder = Path(tempfile.mkdtemp(prefix="coturn-", dir=_MEMORY))  # only its owner may look into it
    (folder / _CONFIGURATION).write_text(configuration(settings, str(folder)))
    (folder / "chain.pem").write_text(certificate.chain)
    (folder / "key.pem").write_text(certificate.key)
    return str(folder)


async def _answers(host: Host, address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        bound = await host.udp(address)
    except OSError as problem:
        raise OSError(problem.errno, f"{address}: {problem.strerror}") from None
    with closing(bound) as asking:
        asking.connect((address, port))
        while True:
            try:
                await loop.sock_sendall(asking, stun.binding_request(secrets.token_bytes(12)))
                if stun.parse(await asyncio.wait_for(loop.sock_recv(asking, 2048), _RETRY)):
                    return
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                await asyncio.sleep(_RETRY)


async def _accepts(host: Host, address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        with closing(await host.socket(family_of(address), socket.SOCK_STREAM)) as trying:
            try:
                return await loop.sock_connect(trying, (address, port))
            except ConnectionRefusedError:
                await asyncio.sleep(_RETRY)

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from landfast.cli.main import main
from landfast.errors import WorldError
from landfast.kernel import host
from landfast.kernel.host import Program
from landfast.lab import parse, remote, verify
from landfast.lab.network import Network
from landfast.lab.verify.measured import Measured, Row
from tests import kills, landfast
from tests.cli.mistakes import GOOD, MISTAKES
from tests.heeding import heeding

pytestmark = pytest.mark.beside
lab = pytest.mark.lab
anyio = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a network's declaration, under a name that no other test has."""

    def write(text: str) -> Path:
        path = tmp_path / f"net-{os.getpid()}-{next(_numbers)}.toml"
        path.write_text(text)
        return path

    return write


_numbers = count(1)
Capture = pytest.CaptureFixture[str]
File = Callable[[str], Path]


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_a_file_is_told_with_its_place(kind: str, file: File, capsys: Capture) -> None:
    right, wrong, line, sentence = MISTAKES[kind]
    assert right in GOOD
    path = file(GOOD.replace(right, wrong, 1))
    assert main(["lab", "show", "--network", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"landfast: {path}:{line}: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_what_the_mistakes_are_made_in_is_right(file: File, capsys: Capture) -> None:
    assert main(["lab", "show", "--network", str(file(GOOD))]) == 0
    assert "docker0 172.17.0.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "is not UTF-8 (byte 0)"),
        (b"#" * 300_000, "has 300000 bytes (a network has at most 262144)"),
        (b"", "title: Field required"),
    ],
)
def test_what_is_no_file_of_ours_is_told(content: bytes | None, sentence: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    assert main(["lab", "show", "--network", str(path)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_cannot_write_to_the_terminal(file: File, capsys: Capture) -> None:
    path = file(GOOD.replace("A network", "\\u001b[2J"))
    assert main(["lab", "show", "--network", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["lab", "show", "--network", str(file(GOOD.replace("title", '"\\u001b[2J"')))]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["show"], "say which network: one of cgnat, "),
        (["show", "wifi"], "no network is called 'wifi'; there are: cgnat, "),
        (["show", "mifi", "--network", "x.toml"], "say NAME or --network FILE.toml, not both"),
        (["run", "mifi"], "nothing to run on robot: write -- COMMAND …"),
        (["run", "mifi", "--on", "operator"], "nothing to run on operator"),
        (["run", "mifi", "--on", "operator", "--", "--on", "robot", "--", "true"], "nothing to run on operator"),
        (["run", "mifi", "true"], "Got unexpected extra argument"),
        (
            ["run", "mifi", "--on", "nobody", "--", "true"],
            "no host is called 'nobody'; there are: internet, server, carrier",
        ),
        (["run", "wifi", "--", "true"], "no network is called 'wifi'"),
        (["run", "mifi", "--publish", "80", "--", "true"], "'80' is not PORT:HOST"),
        (["run", "mifi", "--publish", "80:nobody", "--", "true"], "no host is called 'nobody'"),
        (["up"], "say which network"),
        (["exec", "robot", "--lab", "nope"], "nothing to run on robot"),
        (["exec", "robot", "--lab", "nope", "--", "true"], "no laboratory that is up is called 'nope'"),
        (["event", "flush", "--lab", "nope"], "no laboratory that is up is called 'nope'"),
        (["down", "nope"], "no laboratory that is up is called 'nope'"),
        (["verify", "wifi"], "no network is called 'wifi'"),
    ],
)
def test_who_asks_wrongly_is_told_what_is_right(argv: list[str], sentence: str, capsys: Capture) -> None:
    assert main(["lab", *argv]) == 2
    said = capsys.readouterr()
    assert (said.out, sentence in said.err) == ("", True), said.err


def test_without_a_laboratory_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(remote, "standing", list)
    for argv in (["exec", "robot", "--", "true"], ["event", "flush"], ["down"]):
        assert main(["lab", *argv]) == 2
        assert capsys.readouterr().err == "landfast: no laboratory is up; `landfast lab up NAME`\n"


def test_networks_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(remote, "standing", lambda: ["mine"])
    assert main(["lab", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-2]] == parse.profiles()
    assert lines[-1] == "up: mine"
    assert main(["lab", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["schema_version"], listed["up"]) == (1, ["mine"])
    assert [each["name"] for each in listed["networks"]] == parse.profiles()
    assert all(each["title"] and each["observed_on"] for each in listed["networks"])


@pytest.mark.parametrize("profile", parse.profiles())
def test_a_network_is_shown(profile: str, capsys: Capture) -> None:
    assert main(["lab", "show", profile]) == 0
    said = capsys.readouterr().out
    network = parse.profile(profile)
    assert said.startswith(f"{profile} — {network.title}\n\ninternet\n")
    assert all(where in said for where in network.observed_on)
    assert main(["lab", "show", profile, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert Network.model_validate(shown["network"]) == network


@pytest.mark.parametrize("verb", ["list", "show", "run", "up", "exec", "event", "down", "verify"])
def test_a_verb_explains_itself(verb: str, capsys: Capture) -> None:
    assert main(["lab", verb, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"landfast lab {verb}" in said
    assert ("-- COMMAND" in said) is (verb in ("run", "exec"))


# Missing capabilities.


@pytest.mark.parametrize(
    ("program", "package"),
    [("ip", "iproute2"), ("nft", "nftables"), ("conntrack", "conntrack"), ("turnserver", "coturn")],
)
def test_without_a_program_its_package_is_named(
    program: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name in {"ip", "nft", "conntrack", "iptables", "turnserver"} - {program}:
        found = next(path for path in (Path("/usr/sbin", name), Path("/usr/bin", name)) if path.exists())
        (tmp_path / name).symlink_to(found)
    monkeypatch.setattr(host, "_SBIN", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["lab", "run", "home", "--", "/bin/true"]) == 3
    said = capsys.readouterr().err
    assert f"missing capability: program {program}; provided by: Debian package {package}\n" in said


# Until the exec the shell may still change what its user namespace is allowed.
NO_NAMESPACES = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c")
FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all -- "$@"'


@lab
@anyio
async def test_without_user_namespaces_what_provides_them_is_named() -> None:
    done = await landfast.run("lab", "run", "open", "--", "true", before=(*NO_NAMESPACES, FORBID, "sh"))
    assert done.code == 3
    assert "landfast: missing capability: user namespaces (" in done.stderr
    for switch in ("max_user_namespaces", "apparmor_restrict_unprivileged_userns=0 (Ubuntu)", "seccomp=unconfined"):
        assert switch in done.stderr


# Guests.

users = pytest.mark.parametrize("user", [(), landfast.AS_USER] if landfast.AS_USER else [()], ids=str)
users_in_proof = pytest.mark.parametrize(
    "user", [(), pytest.param(landfast.AS_USER, marks=pytest.mark.proof)] if landfast.AS_USER else [()], ids=str
)


@lab
@anyio
@users
async def test_a_guest_is_who_we_are_and_knows_where_the_servers_are(user: tuple[str, ...]) -> None:
    script = "id -u; hostname; cat; env | grep -c ^LANDFAST_; getent hosts operator; echo bad >&2; exit 7"
    argv = ("lab", "run", "mifi", "--on", "robot", "--", "sh", "-c", script)
    done = await landfast.run(*argv, given="given\n", before=user)
    uid = "1000" if user else str(os.getuid())
    assert (done.stdout.split(), done.stderr, done.code) == (
        [uid, "robot", "given", "6", "192.168.50.10", "operator"],
        "bad\n",
        7,
    )


@lab
@anyio
async def test_several_guests_write_under_their_names_and_the_last_decides(file: File) -> None:
    operator, robot = heeding(signal.SIGTERM), ["sh", "-c", "echo done; echo bad >&2; exit 3"]
    argv = ("--on", "operator", "--", *operator, "--on", "robot", "--", *robot)
    done = await landfast.run("lab", "run", "--network", str(file(GOOD)), *argv)
    assert done.code == 3
    assert "   robot │ done\n" in done.stdout
    assert done.stderr.endswith("\n   robot │ bad\n")


@lab
@anyio
async def test_ctrl_c_is_for_the_guest() -> None:
    async with landfast.started("lab", "run", "open", "--", *heeding(signal.SIGINT)) as it:
        assert await it.stdout.readline() == b"ready\n"
        it.program.send_signal(signal.SIGINT)
        assert await it.stdout.readline() == b"heard\n"
        assert await it.program.wait() == 4


@lab
@anyio
async def test_ctrl_c_while_it_is_built_is_for_us(file: File) -> None:
    async with landfast.started("lab", "up", "--network", str(file(GOOD))) as it:
        assert (await it.stderr.readline()).startswith(b"building ")
        it.program.send_signal(signal.SIGINT)
        assert await it.program.wait() == 130
        assert b"Traceback" not in await it.stderr.read()


# A laboratory that is up.


@asynccontextmanager
async def up(path: Path, user: tuple[str, ...] = ()) -> AsyncIterator[tuple[str, Program, str]]:
    """A laboratory that is up: its name, the program and what it wrote."""
    async with landfast.started("lab", "up", "--network", str(path), before=user) as it:
        said = ""
        while "ends it." not in said:
            line = await it.stdout.readline()
            assert line, (await it.stderr.read()).decode()
            said += line.decode()
        yield path.stem, it.program, said


@lab
@anyio
@users_in_proof
async def test_a_laboratory_that_is_up_is_used_from_elsewhere(user: tuple[str, ...], file: File) -> None:
    async with up(file(GOOD), user=user) as (name, program, said):
        assert "│  │        gateway: limit 10" in said
        assert "LANDFAST_STUN=stun:198.51.100.5:3478\n" in said
        assert "landfast lab event change-public-address|rebind-port|flush|suspend-radio|" in said
        ask = ("--lab", name, "--", "sh", "-c")
        script = "cat; hostname; id -u; echo $LANDFAST_STUN; exit 7"
        done = await landfast.run("lab", "exec", "operator", *ask, script, given="given\n", before=user)
        uid = "1000" if user else str(os.getuid())
        assert (done.stdout.split(), done.code) == (["given", "operator", uid, "stun:198.51.100.5:3478"], 7)
        assert (await landfast.run("lab", "exec", "robot", *ask, "kill -9 $$", before=user)).code == 137
        changed = await landfast.run("lab", "event", "rebind-port", "--lab", name, before=user)
        assert (changed.stdout, changed.stderr, changed.code) == ("", "", 0)
        wrong = await landfast.run("lab", "event", "flood", "--lab", name, before=user)
        assert (wrong.code, "no event is called 'flood'; there are: change-public-address" in wrong.stderr) == (2, True)
        assert (await landfast.run("lab", "exec", "nobody", *ask, "true", before=user)).code == 2
        gone = await landfast.run("lab", "down", name, before=user)
        assert (gone.stdout, gone.stderr, gone.code) == ("", "", 0)
        assert name not in remote.standing()
        assert await program.wait() == 0


@lab
@anyio
async def test_a_second_one_of_the_same_name_is_refused_at_once(file: File) -> None:
    path = file(GOOD)
    async with up(path) as (name, _, _):
        second = await landfast.run("lab", "up", "--network", str(path))
        assert (second.code, second.stdout) == (2, "")
        assert (
            second.stderr
            == f"landfast: a laboratory called '{name}' is up already; `landfast lab down {name}` ends it\n"
        )


@lab
@anyio
async def test_a_signal_to_exec_goes_to_its_program(file: File) -> None:
    async with (
        up(file(GOOD)) as (name, _, _),
        landfast.started("lab", "exec", "robot", "--lab", name, "--", *heeding(signal.SIGTERM)) as it,
    ):
        assert await it.stdout.readline() == b"ready\n"
        it.program.send_signal(signal.SIGTERM)
        assert await it.program.wait() == 4


@lab
def test_who_runs_something_is_told_what_impairs_the_cables_and_how_well(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    assert main(["lab", "run", "--network", str(tmp_path / "own.toml"), "--", "true"]) == 0
    told = capfd.readouterr().err
    assert "cables impaired by " in told
    assert "mifi wan – carrier: 1 ms asked, " in told


@lab
@anyio
async def test_whoever_runs_something_hears_when_the_laboratory_ends(file: File) -> None:
    async with (
        up(file(GOOD)) as (name, laboratory, _),
        landfast.started("lab", "exec", "robot", "--lab", name, "--", "sh", "-c", "echo ready; exec sleep 1000") as it,
    ):
        assert await it.stdout.readline() == b"ready\n"
        laboratory.send_signal(signal.SIGINT)
        assert await laboratory.wait() == 130
        assert await it.program.wait() == 3
        assert await it.stderr.read() == b"landfast: the laboratory has ended\n"


# Published ports.

SERVE = "import http.server as h\ns = h.HTTPServer(('127.0.0.1', 8000), h.SimpleHTTPRequestHandler)\n"
SERVE += "print('ready', flush=True)\ns.serve_forever()"


def free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


@lab
@anyio
async def test_a_published_server_is_reached_on_localhost() -> None:
    port = free_port()
    argv = ("lab", "run", "open", "--publish", f"{port}:robot:8000", "--", "/usr/bin/python3", "-c", SERVE)
    async with landfast.started(*argv) as it:
        assert await it.stdout.readline() == b"ready\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 200 OK")
        writer.close()
        it.program.send_signal(signal.SIGTERM)
        assert await it.program.wait() == 143


@lab
@anyio
async def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = await landfast.run("lab", "run", "open", "--publish", f"{port}:robot", "--", "echo", "no")
    assert (done.code, done.stdout) == (3, "")
    assert f"landfast: cannot listen on 127.0.0.1:{port}: " in done.stderr


# Verification.


def measured(network: str, *rows: Row) -> Measured:
    return Measured(network, (Row("carrier", "nat.pool", 2, 2, "seen by STUN"), *rows))


WRONG = Row("carrier", "gateway.limit", 10, 9, "counted")
UNKNOWN = Row("carrier", "nat.max_age", "none", None, "takes time")


@pytest.fixture
def deep(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Measured]], None]:
    """Let the thorough verification be a function of a network's name."""

    def becomes(answer: Callable[[str], Measured]) -> None:
        async def measure(network: Network, progress: Callable[[str], None]) -> Measured:
            progress("looking")
            return answer(network.name)

        monkeypatch.setattr(verify, "deep", measure)

    return becomes


def test_all_networks_are_verified_and_told_in_order(deep: Any, capsys: Capture) -> None:
    deep(lambda name: measured(name, UNKNOWN))
    assert main(["lab", "verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{name}: as declared (1 axes measured, 1 unknown)" for name in parse.profiles()]


def test_a_difference_is_told_and_is_code_1(deep: Any, capsys: Capture) -> None:
    deep(lambda name: measured(name, WRONG) if name == "mifi" else measured(name))
    assert main(["lab", "verify", "home", "mifi"]) == 1
    assert capsys.readouterr().out == (
        "home: as declared (1 axes measured)\n"
        "mifi: NOT as declared (2 axes measured)\n"
        "  carrier: gateway.limit is declared 10, observed 9 (counted)\n"
    )
    assert main(["lab", "verify", "home", "mifi", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["schema_version"], [each["ok"] for each in said["networks"]]) == (1, [True, False])
    assert said["networks"][1]["name"] == "mifi"
    assert said["networks"][1]["declared"] == {"carrier": {"nat.pool": 2, "gateway.limit": 10}}
    assert said["networks"][1]["observed"] == {"carrier": {"nat.pool": 2, "gateway.limit": 9}}


def test_what_was_measured_is_told_although_another_could_not_be(deep: Any, capsys: Capture) -> None:
    def answer(name: str) -> Measured:
        if name == "mifi":
            raise WorldError("it broke")
        return measured(name)

    deep(answer)
    assert main(["lab", "verify", "mifi", "home"]) == 3
    assert capsys.readouterr() == ("home: as declared (1 axes measured)\n", "landfast: it broke\n")


@lab
def test_a_quick_verification_of_a_network_of_ones_own(file: File, capsys: Capture) -> None:
    path = file(GOOD)
    assert main(["lab", "verify", "open", "--network", str(path), "--quick", "--json"]) == 0
    networks = json.loads(capsys.readouterr().out)["networks"]
    assert [(each["name"], each["ok"]) for each in networks] == [(path.stem, True), ("open", True)]
    assert networks[0]["observed"]["carrier"]["nat.mapping"] == "endpoint-independent"


# kill -9.

KILLED = pytest.mark.parametrize("user", [(), landfast.AS_USER] if landfast.AS_USER else [()], ids=str)
UP = ["lab", "up", "mifi"]


@lab
@anyio
async def test_what_a_kill_leaves_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the next tests can fail: here something is left behind on purpose."""
    monkeypatch.setattr(kills, "PATIENCE", 0.5)
    leaving = ("sh", "-c", 'setsid sleep 1000 & exec "$@"', "sh")
    with pytest.raises(AssertionError, match="sleep 1000"):
        await kills.killed(UP, b"is up", 1, leaving)


@lab
@anyio
@KILLED
async def test_three_kills_leave_nothing_behind(user: tuple[str, ...]) -> None:
    await kills.killed(UP, b"is up", 3, user)


@lab
@anyio
@KILLED
@pytest.mark.proof
async def test_twenty_kills_leave_nothing_behind(user: tuple[str, ...]) -> None:
    await kills.killed(UP, b"is up", 20, user)

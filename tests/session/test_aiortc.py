"""aiortc's own tests of its peer connection, on ours. They come in its source archive, not in what is installed."""

from __future__ import annotations

import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from landfast.kernel.host import Host

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.proof,
    pytest.mark.timeout(900),
]  # a minute, on a machine with nothing else

SUITE = "tests/test_rtcpeerconnection.py"
# What they assert that a connection lacks, and ours has; or how aiortc does what may be done in another way.
STATS = "there is more in getStats(): pairs and candidates"
CREDENTIALS = "transports that are not bundled have credentials of their own, so that candidates find theirs"
DIFFERENT = {
    "test_bundlepolicy_transports_balanced": CREDENTIALS,
    "test_bundlepolicy_transports_max_compat": CREDENTIALS,
    "test_connect_audio_bidirectional": STATS,
    "test_connect_audio_bidirectional_with_empty_iceservers": STATS,
    "test_connect_audio_codec_preferences_offerer": STATS,
    "test_connect_video_bidirectional": STATS,
    "test_setRemoteDescription_unexpected_offer": "an offer that meets ours takes it back",
}
# Ours stands where they import aiortc's. Some expect that DTLS takes less than 100 ms, and are tried again on a machine
# that is busy.
CONFTEST = f"""
import aiortc
from landfast.session import RTCPeerConnection
aiortc.RTCPeerConnection = RTCPeerConnection

def pytest_collection_modifyitems(config, items):
    different = [item for item in items if item.name in {set(DIFFERENT)!r}]
    items[:] = [item for item in items if item not in different]
    config.hook.pytest_deselected(items=different)
"""


async def test_they_pass_on_our_connection(tmp_path: Path) -> None:
    python = [sys.executable, "-m"]
    wanted = f"aiortc=={version('aiortc')}"
    host = Host.here()
    download = ["pip", "download", "--quiet", "--no-binary", "aiortc", "--no-deps", "--dest", str(tmp_path), wanted]
    (await host.run([*python, *download])).checked()
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (folder / "tests/conftest.py").write_text(CONFTEST)
    argv = [*python, "pytest", "-q", "--no-header", "-p", "no:cacheprovider", f"--rootdir={folder}", "--reruns=3"]
    done = await host.run([*argv, str(folder / SUITE)])
    assert done.code == 0, done.stdout[-4000:]
    assert f"{len(DIFFERENT)} deselected" in done.stdout

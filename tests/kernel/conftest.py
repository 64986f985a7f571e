"""Who tells the stories: this process, and, when it is root, an ordinary user too."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfast.kernel.host import Completed, Host
from tests.kernel.stories.telling import Teller
from tests.kernel.stories.told import OF_HOSTS, OF_SANDBOXES

ROOT = Path(__file__).parents[2]
NOBODY = "65534"  # the uid of Debian's user nobody, whose group is nogroup
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """What a story needs, in a folder that everybody may read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("src/landfast", "src/landfast/kernel", "tests/kernel/stories"):
            (folder / part).mkdir(parents=True)
            for file in (ROOT / part).glob("*.py"):
                shutil.copyfile(file, folder / part / file.name)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        yield folder


@pytest.fixture(params=["as_ourselves", "as_an_ordinary_user"] if os.getuid() == 0 else ["as_ourselves"])
def teller(request: pytest.FixtureRequest, public: Path) -> Teller:
    """Tells a story by name."""

    async def tell_here(story: str) -> None:
        await (OF_HOSTS | OF_SANDBOXES)[story]()

    async def tell_there(story: str) -> None:
        environment = {"PYTHONPATH": f"{public}/src:{public}", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}

        async def run(python: str, code: str) -> Completed:
            # -P: not what stands in the present folder
            return await Host.here().run([*AS_NOBODY, python, "-P", "-W", "error", "-c", code], environment=environment)

        # root's own Python may stand where nobody else may look; that she herself can start it is what counts
        again = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import tomllib'])"
        for python in (sys.executable, "/usr/bin/python3"):
            if (await run(python, again)).code == 0:
                break
        else:
            pytest.skip("missing capability: a Python of 3.11 or newer that an ordinary user can run")
        told = await run(python, f"from tests.kernel.stories.told import tell; tell({story!r})")
        if told.code or told.stderr:
            pytest.fail(f"{python} ended with {told.code}:\n{told.stderr}")

    return tell_here if request.param == "as_ourselves" else tell_there

#!/bin/sh
# Write requirements.lock anew from pyproject.toml: exact versions, the hashes of all their distributions, no address.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
tools=build/lock

"$python" -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check uv
{
    echo "# Written by \`make lock\` from pyproject.toml: everything, the development group too, for CPython 3.11 and later on Linux."
    echo "# Where a distribution is downloaded from is pip's own configuration; its hash says that it is the right one."
    "$tools/bin/uv" pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-progress --quiet "$@"
} >"$tools/requirements.lock"
mv "$tools/requirements.lock" requirements.lock

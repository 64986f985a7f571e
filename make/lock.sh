#!/bin/sh
# Write requirements.lock anew from pyproject.toml, and bench/stacks/package-lock.json from the package.json beside it: exact
# versions, the hashes of all their distributions, no address.
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

# bench/stacks: the same for Node.js. Debian 12 has its release 18, for which
# werift 0.25 and the newest @peculiar/x509 are too new.
rm -rf build/stacks-lock && mkdir -p build/stacks-lock
cp bench/stacks/package.json build/stacks-lock
(
    cd build/stacks-lock
    npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel error >&2
    # Who is paid is an address too.
    node -e 'const lock = JSON.parse(fs.readFileSync("package-lock.json")); lock.name = "stacks";
        for (const one of Object.values(lock.packages)) delete one.funding;
        fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n")'
)
mv build/stacks-lock/package-lock.json bench/stacks
rm -r build/stacks-lock

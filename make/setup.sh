#!/bin/sh
# Make ready for a target: setup.sh lint | demo | test | bench | proof
# Brings the Debian packages the target needs (or says which are missing) and the virtual environment .venv as locked.
# Quick when all is there: it looks for programs on the path and for two stamps in .venv. What is done is told on stderr.
set -eu
cd "$(dirname "$0")/.."
target=$1
python=${PYTHON:-python3}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { echo "$*" >&2; }

# package:program or package:library, each tested by its presence
laboratory="iproute2:ip nftables:nft iptables:iptables conntrack:conntrack coturn:turnserver"
# libatomic1: playwright's driver is linked with it, and brings everything else along.
trials="$laboratory chromium:chromium libatomic1:libatomic.so.1 util-linux:setpriv"
case $target in
    lint) wanted="" ;;
    demo) wanted=$laboratory ;;
    test) wanted=$trials ;;
    bench) wanted="$trials stun-client:stun" ;; # a classic tester, beside which doctor is measured
    # Node.js, for the other stacks that sessions are tried with; a C compiler, for the campaign (compiled.py)
    proof)
        wanted="$trials mmdebstrap:mmdebstrap systemd-container:systemd-nspawn nodejs:node npm:npm"
        wanted="$wanted gcc:gcc python3-dev:python3-config"
        ;;
    *) say "setup.sh: no target is called $target"; exit 2 ;;
esac

is_there() {
    case $1 in
        *.so.*) ldconfig -p | grep -qF "$1 " ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing=""
command -v "$python" >/dev/null || missing="$missing python3"
"$python" -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv"
for pair in $wanted; do
    is_there "${pair#*:}" || missing="$missing ${pair%%:*}"
done

if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        become=""
    elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
        become="sudo -n"
    else
        say "landfast is missing these Debian packages:$missing"
        say "Install them, then type \`make $target\` again:"
        say "    sudo apt-get install$missing"
        exit 3
    fi
    say "installing the Debian packages:$missing"
    # shellcheck disable=SC2086 # one word each
    $become make/packages.sh $missing >&2
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "landfast needs Python 3.11 or newer, and $python is $("$python" -V). Name another: make $target PYTHON=python3.12"
    exit 3
}

install() { .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-input "$@" >&2; }
key() { sha256sum | cut -c 1-16; }

stamp=.venv/locked-$({ cat requirements.lock; pwd; "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; } | key)
if [ ! -e "$stamp" ]; then
    say "making .venv with $("$python" -V) as locked (once; about 800 MB)"
    "$python" -m venv --clear .venv
    install --require-hashes --requirement requirements.lock
    touch "$stamp"
fi
stamp=.venv/landfast-$(key <pyproject.toml)
if [ ! -e "$stamp" ]; then
    install --no-build-isolation --no-deps --editable .
    touch "$stamp"
fi

testers=build/testers
if [ "$target" = bench ] && [ ! -e "$testers/stamp-$(key <bench/testers.lock)" ]; then
    rm -rf "$testers"
    install --require-hashes --no-deps --target "$testers" --requirement bench/testers.lock
    touch "$testers/stamp-$(key <bench/testers.lock)"
fi

stacks=build/stacks
if [ "$target" = proof ] && [ ! -e "$stacks/stamp-$(key <bench/stacks/package-lock.json)" ]; then
    rm -rf "$stacks"
    mkdir -p "$stacks"
    cp bench/stacks/package.json bench/stacks/package-lock.json "$stacks"
    npm ci --prefix "$stacks" --ignore-scripts --no-audit --no-fund --loglevel error >&2
    touch "$stacks/stamp-$(key <bench/stacks/package-lock.json)"
fi

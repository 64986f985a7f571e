#!/bin/sh
# The long proofs, one after the other: what one shows does not hang on another. At the end it is told how each went, and
# the exit code is 1 when any has failed. What was interrupted was not shown: the rest is not begun, the code is 130.
set -u
cd "$(dirname "$0")/.."
results=""
failed=0

prove() {
    name=$1; shift
    printf '\n=== %s\n' "$name"
    began=$(date +%s)
    if "$@"; then word=proved; else word="exit $?"; failed=1; fi
    results="$results$(printf '  %-8s %6s s  %s' "$word" "$(($(date +%s) - began))" "$name")
"
}

told() { printf '\nThe long proofs, at commit %s:\n%s' "$(git describe --always --dirty 2>/dev/null)" "$results"; }
trap 'told; echo "  interrupted"; exit 130' INT TERM HUP

prove "tests" .venv/bin/pytest -m proof
prove "doctor's truth table" .venv/bin/landfast trial truth --drawn 60 --lossy 30 --report build/truth.html
# A hundred thousand are wanted, however long they take here; compiled they take a third of that, where there is a compiler.
.venv/bin/python make/compiled.py
prove "the agent's campaign" env PYTHONPATH=build/compiled .venv/bin/landfast trial campaign --histories 100000 --minutes 600 --minimal
told
exit $failed

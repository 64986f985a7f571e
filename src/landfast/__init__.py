"""landfast keeps WebRTC connections alive over networks that break them, and finds, fixes and proves the cause.

The walk:

    the world ── or ── lab/      the same world where the truth is known; every place in it is a Host
        │
        ▼
    probes/                      ask, within a budget                    → Fact      what was seen, and when
        ▼
    diagnose/                    pure rules over facts                   → Finding   with its evidence
        ▼
    remedies/                    plan (pure), apply, revert              → Remedy → Outcome
        ▼
    probes/ again                the same questions                      → a remedy is believed only after this

`walk.py` is this loop, written once; begin to read there. `trials/` proves it by real connections, each in journal/;
table, plot and report are folds of that.

The layers, top to bottom; an import only points down (tests/test_architecture.py):

    cli/, __main__.py            argv → exit code; prints, never decides
    app/                         wiring: where the parts are put together
    trials/                      proof: arms, attempts, statistics, report
    walk.py                      ask, diagnose, remedy, ask again
    probes/ │ remedies/          one question a file │ what changes a host, and undoes it
      │ journal/                   │ what was measured, kept
    peers/                       one WebRTC stack a file
    session/ │ lab/              connections that survive │ the carrier in a box: networks in this kernel, verified
    servers/                     STUN, TURN, the reflector and signalling, started ready
    kernel/                      the Host, and the only doors to this machine's powers
    diagnose/ │ wire/            pure knowledge: facts → findings │ bytes ⇄ words
    model/                       frozen words: facts, findings, NAT behaviour, remedies
    errors.py │ clock.py         whose fault it is │ the one reader of time
"""

__version__ = "0.1.0"

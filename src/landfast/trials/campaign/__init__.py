"""The campaign: two ICE agents on a simulated network, in random histories of faults, and what must always hold.

    history.py      a history as data and as text: network, traffic, timeline            (pure)
    drawn.py        histories drawn from a seed                                          (pure)
    networks.py     its sides → the laboratory's network                                 (pure)
    player.py       an agent on a simulated host
    signalling.py   descriptions and candidates between two players, which can be cut
    application.py  what they say to each other, and what was heard
    third.py        a host that sends junk, copies, and answers of its own making
    ledger.py       what one player's packets have shown: who has proved itself, and when
    invariants.py   what must hold, one small object each
    flows.py        the one about time: data flows again wherever it can
    passable.py     whether it can, read from the simulated network
    ended.py        what is left after the end
    play.py         one history, played
    shrink.py       one that fails, made smaller
    tally.py        results, counted                                                     (pure)
    campaign.py     many, by worker programs on all cores; worker.py is such a program

The ledger judges from packets, not from what an agent believes; the agent never sees it.
"""

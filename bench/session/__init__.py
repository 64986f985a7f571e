"""How long a session is without data when the network under it changes. `make bench-session`, or
`python -m bench.session [CASE…]`; a case is FAULT/PATH/PEER.

A client behind the profile `cgnat`, 40 ms from its peer, which is public. 50 probes a second go each way over an
unordered channel without retransmissions, and a few numbered messages over a reliable one. There is no signalling in
the network: the two descriptions are handed over by the bench itself, at the start, and nothing afterwards.

    cases.py        what is measured, by name
    place.py        the networks and the servers
    prober.py       a peer as a program of its own: landfast or aiortc; browser.py (with browser.html) is Chromium,
                    node.mjs a stack of Node.js; w3c.js is what these two have in common
    media.py        what a prober sends beside: audio and video; media.js is that for the browser
    side.py         this side of that program, and a session of two
    faults.py       what happens to the network, and when it had happened
    outage.py       what arrived → how long nothing did. Pure
    play.py         a case that counts outages, from its network to its figures
    flood.py        a program: junk from many addresses
    watching.py     what a host sent, told apart: the agent's own bytes
    attempts.py     cases that count what a connection's set-up did to a network
    load.py         cases that count what sessions cost; cost.py is their program
    targets.py      what has to be reached, and whether it was. Pure
    table.py        figures → a table, and build/bench/session.json
    page.py         the same as build/bench/session.html
"""

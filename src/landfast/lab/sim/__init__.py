"""The laboratory without a kernel: the same networks, played by a pure model on a clock of its own.

    world.py      `World(network)`: the clock, what is due, who is where
    packet.py     a packet, and why it may be lost
    stack.py      what `ip` does: the plan's lines → addresses and routes of one host or router
    cables.py     one direction of a cable: delay, jitter, reordering, loss, rate
    segment.py    a LAN: its router and all cables that end there
    hosts.py      a host and its sockets
    router.py     a router: the order in which it asks its rules
    tracking.py   flows and their timers, as Linux tracks them
    nat.py        one router's translator: mapping, ports, pooling, filtering
    budget.py     how many sessions or mappings a subscriber may hold
    weather.py    what lies over a router for a while
    happening.py  events: at a time, at the n-th mapping, at the first STUN, or when asked
    streams.py    reliable streams, TLS on them
    servers.py    STUN and TURN on UDP, TCP and TLS
    relays.py     TURN's allocations, permissions and channels; answers.py: its words as bytes

The order of a router's questions is that of the chains in `lab/ruleset.py`; `tests/lab/test_sim.py` sends the same
packets through the kernel and through this, and compares.
"""

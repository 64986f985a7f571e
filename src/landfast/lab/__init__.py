"""The carrier in a box: networks that break WebRTC, in real kernel NAT, verified before use.

    network.py    a network as data: every axis and event, validated          (pure)
    parse.py      TOML → network, errors with file and line                   (its counterpart: profiles/*.toml)
    write.py      network → TOML                                              (pure)
    exported.py   facts → network: what was measured, as a laboratory         (pure)
    topology.py   network → plan: addresses, cables, routes, sysctls          (pure)
    ruleset.py    a router's axes → nft text                                  (pure)
    build.py      plan → namespaces
    impair.py     links → netem, or wire, nft and tbf                         (pure)
    links.py      puts that in place, and measures the delays
    wire.py       a process that delays, jitters and reorders where the kernel has no netem; delayline.py: how (pure)
    verify/       measures what was built, by STUN, against the declaration
    gateway.py    the gateway's source policy as a machine                    (pure)
    keeper.py     a process beside a router: policy, ages, events             (its counterpart here: kept.py)
    hosts.py      what may happen to a host: link, address, handoff
    services.py   the servers inside: coturn and signalling, started ready
    lab.py        `async with Lab("mifi") as lab`: all of these together
    picture.py    network → a tree of words                                   (pure)
    guests.py     users' commands on the laboratory's hosts; terminal.py: a terminal for one
    publish.py    a port of this machine that leads to a laboratory host
    remote.py     `lab up` and whoever talks to it from another terminal
    blocking.py   the same laboratory without asyncio
    sim/          the same networks without a kernel, on a clock of their own (pure)
    pytest_plugin.py   the `network` fixture

Nothing is left behind by construction: all namespaces and processes live in one sandbox (`kernel/sandbox.py`) that dies
with its holder.
"""

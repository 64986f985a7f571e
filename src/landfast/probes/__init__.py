"""Probes: precise questions to a network, within a budget; every answer is a Fact.

    questions.py    what can be asked, as data                               (pure)
    plan.py         which of them, of whom, in which order                   (pure)
    servers.py      whom there is to ask, from the words of the command line
    asking.py       a UDP socket that asks, repeats by the measured round trip, and tells what came of it
    silence.py      silence told from loss: doubtful questions in rounds, each beside a plain one
    reached.py      whether a server that is silent over UDP is there at all

and one file a question, each with `async def ask(host, question, tell)`; `tell` gets each fact as it is seen.

    nat.py          mapping and filtering
    round_trip.py   round trip and loss
    ports.py        how many mappings there are to have
    lifetime/       how long a binding lives, in each state, and what keeps it
    six_ways.py     in which directions IPv6 works (nonces.py: what a reflector says of having seen)
    mtu.py          which lengths pass, up and down
    interfaces.py   ways out, sources that could leave by another interface, rules that keep them
    leak.py         do they leave? proved by capture, and counted over a real ICE gathering
    carrier.py      the routers on the way, and whether gateways map ports on request; upnp.py is one way of these
    relay.py        does a byte go through a TURN server and back? (connecting.py: the line to it, and its certificate)
    nat64.py        is IPv4 reached by NAT64?
    leaving.py      foreign sources as they leave, while something else happens
    settled.py      nothing but whether the network answers again
    opens.py        what happens to the public address and to a bystander when WebRTC opens
    public_address.py   that address, followed from one socket; the trials' meter does it too
"""

"""What an agent stands on: its sockets, the servers it asks, its relays, and the candidates that come of them.

ground.py       the whole of it, as the agent sees it
said.py         what it tells the agent
addresses.py    this host's addresses
servers.py      STUN and TURN servers, read as applications write them
names.py        their names, while a resolver looks them up
hosts.py        one socket at each address of this host, and what STUN servers say of them
sockets.py      every socket that is held, and who must close it
reflexive.py    what STUN servers are asked
relays.py       one relay: its allocation, the socket under it, and how both are repaired
standing.py     what stands of it: a client on a line
attempt.py      what shall stand
footing.py      what all relays share
clients.py      the TURN clients of one relay, and what they have learnt of its server
ahead.py        checks behind an Allocate that is not answered yet
patience.py     when a relay's server is asked again
seeking.py      when all of them are, because there is no way to the peer
telling.py      what the agent is told of one relay
releases.py     allocations that are being given back
budgets.py      servers that have no room for one more
candidates.py   what was gathered, each with a priority of its own
preferences.py  which address and which relay are the better ones
"""

from __future__ import annotations

from landfast.session.ice.ground.addresses import Address
from landfast.session.ice.ground.ground import Ground
from landfast.session.ice.ground.said import Gathered, GatheringDone, Lost, Promised, Renewed, Said
from landfast.session.ice.ground.servers import Server, read_servers

__all__ = [
    "Address",
    "Gathered",
    "GatheringDone",
    "Ground",
    "Lost",
    "Promised",
    "Renewed",
    "Said",
    "Server",
    "read_servers",
]

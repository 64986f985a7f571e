"""Sessions that survive the networks they run on.

ice/              the ICE agent: it follows the network without signalling
policy.py         which of this host's addresses it may use
transport.py      the asyncio shell of an agent; sockets.py has its sockets
surroundings.py   this host's addresses, watched once for all sessions
"""

"""An ICE agent (RFC 8445) that roams, without a socket or a clock.

events.py       what it tells: what to do, and what to know
machine.py      the states of the transport, as a table
candidate.py    candidates and their priorities
settings.py     its numbers, each with where it comes from
"""

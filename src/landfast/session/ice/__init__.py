"""An ICE agent (RFC 8445) that roams, without a socket or a clock.

agent.py        the whole of it: verbs, what arrives, time; then `poll`
generations.py  one carries the data, one is pending after a restart, others linger
generation.py   one pair of credentials, and all that is known under them
lasting.py      what outlives a generation

ground/         what it stands on: sockets, STUN servers, relays, and the candidates that come of them

pairs.py        a way from a socket of ours to an address of the peer's, and what is known of it
pairing.py      which of them there are
checklist.py    which is checked next until one is nominated
checks.py       checks on their way: what they say, whose an answer is
transactions.py those that may still be answered
roles.py        who nominates, and conflicts about it
nominations.py  which nomination is the peer's own word
consent.py      whether the peer wants what we send

roaming.py      a session after its first pair: whom it asks, and where it goes
follow.py       its rules, one for each reason to move
hints.py        what strangers may cost
copies.py       which data has come before, by another way
rhythm.py       how long a silence may last
rotation.py     other sockets when consent has ended
outage.py       what a long silence may cost

credentials.py  the fragment and password of a generation
held.py         candidates that have overtaken their description
stats.py        what getStats tells of pairs
events.py       what it tells: what to do, and what to know
machine.py      the states of the transport, as a table
candidate.py    candidates and their priorities
settings.py     its numbers, each with where it comes from
"""

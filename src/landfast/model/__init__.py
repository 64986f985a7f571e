"""Words: frozen values without a decision, which every layer may speak. Pure.

* `facts/`: what was seen, where and when. `findings.py`: what that means, with its evidence.
* `nat.py`: what a NAT does, in the words of RFC 4787. `iceservers.py`: STUN and TURN servers as applications name them.
* `address.py`: addresses, and the one rule that says which sources are foreign. `times.py`: times that may be unknown.
* `routing.py`: interfaces and the ways that packets take. `flow.py`: a flow as connection tracking sees it.
* `remedies.py`: what would be done, how it is undone, what came of it. `policy.py`: what a session shall do here.
"""

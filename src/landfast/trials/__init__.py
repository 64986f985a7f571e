"""Proof: real WebRTC connections in groups, the remedy off and on, and what that shows.

* `plan.py` — what a trial does, as data: groups of attempts whose arms alternate.
* `arms.py` — how each arm is put in place and taken away.
* `meter.py` — a process that watches the robot's host while others connect.
* `senses.py` — what the meter makes of what reaches it; `watch.py` — this side of the meter.
* `attempt.py` — one attempt, from a quiet network to a quiet network.
* `run.py` — all attempts in their order, each into the journal as it ends.
* `place.py` — the laboratory as the place where that happens; `robot.py` — a real robot; `operator.py` — its operator.
* `result.py` — facts folded into attempts, a journal into a trial.
* `statistics.py` — what it proves.
* `truth/` — doctor on networks whose truth is known.
* `campaign/` — the ICE agent in thousands of simulated histories of faults.
* `table.py`, `timeline.py`, `report.py`, `document.py` — the same in a terminal, on one axis, as one page, as JSON.

The laboratory knows the truth (`lab/`); what is measured here shares nothing with it.
"""

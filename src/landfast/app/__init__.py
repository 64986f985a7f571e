"""Wiring: where the parts are put together. What a command does is here; how it is asked and told is in `cli/`.

* `trial.py`: groups of attempts in the laboratory or on a robot, kept in a journal.
* `doctor.py`: whom to ask, the questions, what was found. `fix.py`: the same, and what can be done about it.
* `interrupted.py`: the first Ctrl-C ends the work, which then tidies up.
"""

from landfast.app.interrupted import until_interrupted

__all__ = ["until_interrupted"]

"""A voice: argv → exit code. Prints, never decides; what is heavy is imported inside the command that needs it.

* `main.py`: the front door. Finds the command, turns errors into one sentence and an exit code.
* `doctor.py`, `fix.py`, `demo.py`, `trial.py`, `lab.py`, `masquerade.py`, `reflector.py`: one noun a file, each with
  its `app`; `truth.py` and `campaign.py` are verbs of `trial`.
* `told.py`: what doctor found, as lines; `page.py`: as one HTML file; `live.py`: progress while it asks.
* `kept.py`: a page or a network as a file, where somebody wants it.
* `printable.py`: text from networks and programs, made safe for a terminal.

Exit codes: 0 well, 1 findings or not proved, 2 asked wrongly, 3 could not measure, 4 a defect of landfast, 130
interrupted. Results go to stdout, progress and errors to stderr.
"""

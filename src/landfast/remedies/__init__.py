"""Remedies: a plan (pure), and apply, verify, revert around it.

* `masquerade/`: packets with a foreign source get the address of the interface they leave by, or do not leave.
* `policy.py`: what sessions on this host shall do, in a file.
* `plan.py`: findings → what of all this helps here (pure). `record.py`: how it was before, kept on the disk.
  `treat.py`: do it and undo it; what `landfast fix` is made of.
"""

"""What was measured, kept: an append-only file of JSON Lines.

* `file.py` — write a record so that it stays, go on with a file after a crash, read one whatever its end looks like.

A journal knows no meaning of its records; who wrote them folds them (`trials/result.py`).
"""

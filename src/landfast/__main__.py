"""`python -m landfast` is `landfast`."""

from landfast.cli.main import entry

entry()

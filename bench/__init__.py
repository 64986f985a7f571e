"""How quick it is, beside the obvious alternative, in the same run. `python -m bench [NAME…]`, or `make bench`.

    measure.py      repeat, summarise, print a table, write build/bench/NAME.json
    lab_start.py    a laboratory, started and verified; a chain of namespaces; one `ip` process a command
    cli_start.py    `landfast --help` against the bare interpreter
    wire.py         how late a delayed link is, beside one that delays nothing
    doctor.py       mapping and filtering beside the classic testers: times, and verdicts
    session/        how long a session is without data when its network changes; a target of its own

Each bench but the last is a module with `async def run() -> list[Row]`. Ratios within one run mean something; seconds
do not travel.
"""

"""Facts → what they mean. Pure: no socket, no clock; the same facts always give the same words.

evidence.py     the facts about one host and one uplink, put in order
nat.py          STUN answers → the words of RFC 4787; the only judge of NATs: laboratory, doctor and session ask it
timeline.py     when the public address changed, and what had gone before
estimates.py    facts → numbers: lifetimes, a budget, a length
rules/          one rule a finding code, with what it explains beside it
findings.py     facts → findings: every rule is asked, consequences of a named cause are silent
words.py        the words for every finding, as data
explain.py      findings in plain words, for command line, page and report
"""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from landfast import errors
from landfast.errors import (
    BadFile,
    CapabilityMissing,
    LandfastError,
    NotAsDeclared,
    NotReady,
    ProgramFailed,
    RequestError,
    UnknownName,
    WorldError,
)

EXAMPLES = [
    (BadFile("a.toml", 7, "no such key", "one of: x, y"), 2, "a.toml:7: no such key (one of: x, y)"),
    (BadFile("a.toml", None, "it is empty"), 2, "a.toml: it is empty"),
    (UnknownName("network", "mify", ["mifi", "open"]), 2, "no network is called 'mify'; there are: mifi, open"),
    (UnknownName("network", "mify", []), 2, "no network is called 'mify'; there are: none"),
    (RequestError("say which"), 2, "say which"),
    (
        CapabilityMissing("netem", provided_by="sch_netem", detail="unknown qdisc"),
        3,
        "missing capability: netem (unknown qdisc); provided by: sch_netem",
    ),
    (CapabilityMissing("netem", "sch_netem"), 3, "missing capability: netem; provided by: sch_netem"),
    (WorldError("it broke"), 3, "it broke"),
    (ProgramFailed(["ip", "link"], 2, " no \n", given="x"), 3, "`ip link` ended with 2: no"),
    (ProgramFailed(["ip"], 2, ""), 3, "`ip` ended with 2: no message"),
    (NotReady("the relay", 2.5, detail="silent"), 3, "the relay was not ready within 2.5 s: silent"),
    (NotReady("the relay", 2), 3, "the relay was not ready within 2 s"),
    (NotAsDeclared("mifi", ["mapping", "mtu"]), 3, "network mifi is not as declared:\n  mapping\n  mtu"),
    (LandfastError("a defect"), 4, "a defect"),
]


@pytest.mark.parametrize(("problem", "code", "sentence"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_has_its_exit_code_and_composes_its_sentence(problem: LandfastError, code: int, sentence: str) -> None:
    assert problem.exit_code == code
    assert str(problem) == sentence


@pytest.mark.parametrize("problem", [example[0] for example in EXAMPLES], ids=lambda value: type(value).__name__)
def test_an_error_survives_the_way_into_another_process(problem: LandfastError) -> None:
    problem.add_note("seen over there")
    there: LandfastError = pickle.loads(pickle.dumps(problem))
    assert (type(there), str(there), there.__notes__) == (type(problem), str(problem), problem.__notes__)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"^ {4}[│ ├└─]*(\w+)", inspect.getdoc(errors) or "", re.MULTILINE)
    classes = [
        name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, LandfastError)
    ]
    assert sorted(drawn) == sorted(classes)

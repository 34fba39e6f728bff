"""The fuzzer finds what it looks for, and nothing in a second of each reader."""

import json
import random

import numpy as np
import pytest
from fuzz import PARSERS, Parser, case, change_tree, finding, fuzz


def parser(read):
    return Parser(lambda: [b"seed"], lambda rng, content: content, "file", read)


def fail_with(error):
    def read(folder):
        raise error

    return read


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda folder: (folder / "file").read_bytes(), None),
        (fail_with(ValueError("damaged")), None),
        (fail_with(FileNotFoundError(2, "No such file")), None),
        (fail_with(KeyError("key")), "KeyError in test_fuzz.py"),
        (fail_with(MemoryError()), "MemoryError in"),
        (fail_with(ValueError("x" * 3000)), "a message of 3000 characters"),
        (fail_with(ValueError("\x1b[31m")), "control characters"),
        (lambda folder: np.ones(2**25), "MB of memory"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, read, expected):
    found = finding(parser(read), tmp_path, b"content")
    assert expected in found if expected else found is None


@pytest.mark.parametrize("name", ["npy", "npz", "pickle", "tar", "idx", "table"])
def test_a_case_is_the_same_again(name):
    seeds = PARSERS[name].seeds()
    contents = [case(PARSERS[name], seeds, 3, number) for number in range(20)]
    assert contents == [case(PARSERS[name], seeds, 3, number) for number in range(20)]
    assert len(set(contents)) > 10


@pytest.mark.slow
def test_a_document_that_is_changed_often_stays_of_a_size_to_read():
    rng = random.Random(0)
    for _ in range(50):
        document = {name: [[1, [2, 3]], {name: [4]}] for name in "abcdefghij"}
        for _ in range(4):
            change_tree(rng, document)
        assert len(json.dumps(document)) < 2**24


# .ci/run fuzzes each reader for half a minute; this is about the list of readers.
@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_no_finding_in_a_second(name, tmp_path):
    n_cases, findings = fuzz(name, 1, 0, tmp_path)
    assert n_cases > 0
    assert findings == {}

"""What a terminal and a pipe show of a training while it goes on."""

import io
import re
import sys
import time

import pytest
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from skcnn._cli import _progress
from skcnn._cli._progress import live
from skcnn._cli._search import Search
from skcnn._cli._terminal import say


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def stderr_is(monkeypatch):
    """Return a function that puts a stream in place of stderr, and often draws."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_FRAMES", 0.01)
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_LINES", 0.01)

    def replace(stream):
        # Not while the fixture is made: pytest sets stderr once more before the test.
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return replace


@pytest.mark.parametrize("color", ["NO_COLOR", "FORCE_COLOR"])
def test_lines_move_on_a_terminal_and_are_gone_at_the_end(
    color, stderr_is, monkeypatch
):
    monkeypatch.setenv(color, "1")
    stderr = stderr_is(Terminal())
    numbers = iter(range(10**6))
    with live(lambda: [f"number {next(numbers)}", "x" * 200]):
        time.sleep(0.2)
        say("a message")
        time.sleep(0.2)
    text = stderr.getvalue()
    seen = {int(number) for number in re.findall(r"number (\d+)", text)}
    assert len(seen) > 3
    # A message is in a line of its own, above the others.
    assert "\x1b[2Ka message\n" in text
    # Cut at the width of the terminal, and without color.
    assert max(map(len, re.findall("x+", text))) < 80
    assert not re.search(r"\x1b\[[\d;]*m", text.replace("\x1b[0m", ""))
    assert "\x1b[2K" in text[text.rindex("number") :]  # erased at the end


def test_a_pipe_gets_a_line_from_time_to_time_without_control_characters(stderr_is):
    stderr = stderr_is(io.StringIO())
    with live(lambda: ["one", "two"], printed=lambda: 0):
        time.sleep(0.2)
    lines = stderr.getvalue().splitlines()
    assert len(lines) > 1 and set(lines) == {"one; two"}


def test_a_terminal_that_cannot_move_its_cursor_is_like_a_pipe(stderr_is, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stderr = stderr_is(Terminal())
    with live(lambda: ["one"], printed=lambda: 0):
        time.sleep(0.1)
    assert set(stderr.getvalue().splitlines()) == {"one"}


def test_a_pipe_with_other_messages_gets_no_lines_between_them(stderr_is):
    stderr = stderr_is(io.StringIO())
    with live(lambda: ["one"]):
        time.sleep(0.1)
    assert stderr.getvalue() == ""


class Interrupted(KNeighborsClassifier):
    """A classifier on whose eighth fit Ctrl-C is pressed."""

    n_fits = 0

    def fit(self, X, y):
        Interrupted.n_fits += 1
        if Interrupted.n_fits == 8:
            raise KeyboardInterrupt
        return super().fit(X, y)


def three_folds(X, y):
    return list(StratifiedKFold(3).split(X, y))


GRID = {"n_neighbors": [1, 5, 40], "weights": ["uniform", "distance"]}


def test_a_search_that_is_interrupted_keeps_its_scores(digits, capsys, monkeypatch):
    monkeypatch.setattr(Interrupted, "n_fits", 0)
    X, y = digits[0][:300].reshape(300, -1), digits[1][:300]
    search = Search(Interrupted(), GRID)
    assert search.best_params == {}
    with pytest.raises(KeyboardInterrupt):
        search.run(X, y, three_folds(X, y))
    results = search.results_so_far()
    assert results["folds"].tolist() == [3, 3, 1]
    scores = results["mean_test_score"]
    assert scores[0] >= scores[1] and 0 < scores.min() <= scores.max() <= 1
    assert search.best_params == results.loc[0, list(GRID)].to_dict()
    err = capsys.readouterr().err
    second = r"accuracy 0\.\d{4}, \d\.\d s, n_neighbors=1, weights=distance"
    assert re.search(f"^Candidate 2/6: {second}$", err, re.M)
    # In a terminal: the present candidate, the best, each in a line.
    lines = search._lines()
    assert lines[0].startswith("Candidate 3 of 6, fold 2 of 3: about ")
    assert lines[1] == "Now:  n_neighbors=5, weights=uniform"
    assert lines[2].startswith(f"Best: {scores[0]:.4f}, candidate ")


@pytest.mark.slow
def test_a_search_finds_the_same_as_that_of_scikit_learn(digits):
    from sklearn.model_selection import GridSearchCV

    X, y = digits[0][:300].reshape(300, -1), digits[1][:300]
    search = Search(KNeighborsClassifier(), GRID)
    results = search.run(X, y, three_folds(X, y))
    expected = GridSearchCV(KNeighborsClassifier(), GRID, cv=3).fit(X, y)
    assert search.best_params == expected.best_params_
    assert results["mean_test_score"].iloc[0] == pytest.approx(expected.best_score_)
    assert len(results) == search.n_candidates == 6
    assert search._lines() == []


def test_a_candidate_of_more_epochs_takes_longer():
    grid = {"epochs": [1, 9]}
    assert Search(KNeighborsClassifier(), grid)._weights() == [1, 9]
    grid = {"epochs": ["auto", 9]}
    assert Search(KNeighborsClassifier(), grid)._weights() == [1, 1]

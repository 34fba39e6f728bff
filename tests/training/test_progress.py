"""How long the rest of a training is said to take, by a clock that the tests turn."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._training import progress as module
from skcnn._training.progress import Progress, begin_progress, watched
from skcnn._training.schedule import Schedule

SCHEDULE = Schedule(
    epochs=6,
    batch_size=10,
    sizes=((16, 16), (20, 20), (24, 24)),
    learning_rates="constant",
    peak=0.1,
    dropout=(0, 0),
    label_smoothing=0,
    shuffle=True,
)
LOG = {"loss": 0.5, "accuracy": 0.75}


class Clock:
    """In place of the module `time`."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def train(
    clock,
    schedule=SCHEDULE,
    n_images=100,
    n_validation=0,
    compiling=2.0,
    validating=0.0,
    seconds=lambda size: size[0] * size[1] / 1000,
):
    """Return after each epoch when it was, and how much time was said to be left."""
    progress = Progress(schedule, n_images, n_validation, 0, True)
    said = []
    for epoch in range(schedule.epochs):
        progress.begin_epoch(epoch)
        sizes = schedule.plan(epoch, n_images)[1]
        for start, end in schedule.calls(sizes, 2**18):
            if not progress.has_compiled(sizes[start]):
                clock.now += compiling
                progress.compiled(sizes[start])
            clock.now += (end - start) * seconds(sizes[start])
            progress.advance(sizes[start], end - start, LOG)
        clock.now += validating
        said.append((clock.now, progress.seconds_left()))
    return said


def test_later_epochs_with_larger_images_are_reckoned_with(clock):
    said = train(clock)
    end = clock.now
    for now, left in said[:-1]:
        assert left == pytest.approx(end - now)
    assert said[-1][1] == 0


@pytest.mark.parametrize("share_of_overhead", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("compiling", [0, 2])
@pytest.mark.parametrize("validating", [0, 0.7])
def test_what_is_left_is_right_within_a_quarter(
    share_of_overhead, compiling, validating, clock
):
    def seconds(size):
        pixels = share_of_overhead * 400 + (1 - share_of_overhead) * size[0] * size[1]
        return pixels / 1000

    said = train(
        clock,
        n_validation=60 if validating else 0,
        compiling=compiling,
        validating=validating,
        seconds=seconds,
    )
    for now, left in said[:-1]:
        assert left == pytest.approx(clock.now - now, rel=0.25)


def test_an_epoch_of_one_call_is_enough_to_know_what_is_left(clock):
    short = replace(SCHEDULE, sizes=((8, 8),))
    said = train(clock, short, n_images=20, compiling=9)
    assert said[0][1] == pytest.approx(clock.now - said[0][0])


def test_time_passes_within_an_epoch(clock):
    progress = Progress(SCHEDULE, 100, 0, 0, True)
    progress.begin_epoch(0)
    assert progress.seconds_left() is None
    assert progress.line() == "Epoch 1/6,   0%: 0.0 s"
    progress.compiled((16, 16))
    clock.now = 1.0
    progress.advance((16, 16), 5, LOG)
    before = progress.seconds_left()
    measured = "loss 0.5000, accuracy 0.7500, 1.0 s"
    assert progress.line().startswith(f"Epoch 1/6,  50%: {measured}, about ")
    clock.now = 3.0
    assert progress.seconds_left() == pytest.approx(before - 2)
    clock.now = 1e6
    assert progress.seconds_left() == 0


def test_early_stopping_may_end_sooner(clock):
    progress = Progress(replace(SCHEDULE, patience=3), 100, 0, 0, True)
    progress.begin_epoch(0)
    clock.now = 1.0
    progress.advance((16, 16), 10, LOG | {"val_accuracy": 0.5})
    assert ", validation accuracy 0.5000, 1.0 s, at most " in progress.line()


@given(
    n_sizes=st.integers(1, 5),
    epochs=st.integers(1, 7),
    n_images=st.integers(1, 50),
    batch_size=st.integers(1, 20),
    data=st.data(),
)
def test_the_steps_that_are_left_are_those_of_the_plan(
    n_sizes, epochs, n_images, batch_size, data
):
    sizes = tuple((side, side) for side in range(1, n_sizes + 1))
    schedule = replace(SCHEDULE, epochs=epochs, batch_size=batch_size, sizes=sizes)
    plan = [size for e in range(epochs) for size in schedule.plan(e, n_images)[1]]
    done = data.draw(st.integers(0, len(plan)))
    expected = {size: plan[done:].count(size) for size in sizes}
    assert dict(schedule.steps_left(done, n_images)) == expected


def test_another_thread_can_watch():
    seen = []
    with watched() as watch:
        assert watch.progress is None
        begun = begin_progress(SCHEDULE, 100, 0, 0, verbose=0)
        assert begun.is_shown and watch.n_begun == 1
        thread = threading.Thread(target=lambda: seen.append(watch.progress))
        thread.start()
        thread.join()
    assert seen == [begun]
    assert not begin_progress(SCHEDULE, 100, 0, 0, verbose=0).is_shown
    assert begin_progress(SCHEDULE, 100, 0, 0, verbose=1).is_shown

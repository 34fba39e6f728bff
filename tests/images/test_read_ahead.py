"""What the system is told about images in a mapped file."""

import mmap
from contextlib import suppress

import numpy as np
import pytest
from tiny import tiny_classifier

from skcnn._images.read_ahead import AT_ONCE, random_order, read_ahead, take

PAGE = mmap.PAGESIZE


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (4000, 700), np.uint8))
    return np.load(path, mmap_mode="r")


@pytest.fixture
def asked(monkeypatch):
    """Pages of the file that were asked for, through a mapping that takes note."""
    pages = set()

    class Mapping(mmap.mmap):
        def madvise(self, option, start, length):
            assert option == mmap.MADV_WILLNEED
            super().madvise(option, start, length)
            pages.update(range(start // PAGE, -(-(start + length) // PAGE)))

    monkeypatch.setattr(mmap, "mmap", Mapping)
    return pages


def pages_of(rows):
    """The pages of rows of 700 bytes after a header of 128."""
    begins = 128 + 700 * np.asarray(rows)
    return {int(p) for b in begins for p in range(b // PAGE, (b + 699) // PAGE + 1)}


@pytest.mark.parametrize("rows", [[0], [3999, 5, 5, 1234], range(10), []])
def test_just_the_pages_of_these_images_are_asked_for(asked, images, rows):
    rows = np.array(rows, int)
    read_ahead(images, rows)
    assert asked == pages_of(rows)


@pytest.mark.parametrize(
    ("view", "rows"),
    [
        (np.asarray, [1008, 3000]),
        (lambda X: X.reshape(-1, 20, 35), [1008, 3000]),
        (lambda X: X.reshape(-1, 5, 20, 7).transpose(0, 2, 3, 1), [1008, 3000]),
        (lambda X: X[1000:], [8, 2000]),
        (lambda X: X[::-1], [2991, 999]),
        (lambda X: X[::2], [504, 1500]),
    ],
    ids=["array", "n-D", "channels first", "part", "reversed", "steps"],
)
def test_views_of_the_file_are_looked_through(asked, images, view, rows):
    read_ahead(view(images), np.array(rows))
    assert asked == pages_of([1008, 3000])


@pytest.mark.parametrize("offset", [0, 10, PAGE, 3 * PAGE + 10])
def test_where_the_array_begins_in_the_file_counts(asked, tmp_path, offset):
    path = tmp_path / "images"
    path.write_bytes(bytes(20 * PAGE))
    X = np.memmap(path, np.uint8, "r", offset, (4, PAGE))
    read_ahead(X, np.array([1]))
    # The mapping begins at the last page before the array.
    first, rest = 1, offset % PAGE
    assert asked == ({first} if not rest else {first, first + 1})


def test_nothing_is_asked_where_it_would_be_of_no_use(asked, images):
    read_ahead(np.array(images), np.arange(5))
    # Every image of these is spread over the whole file.
    read_ahead(images.reshape(700, 4000).T, np.arange(5))
    assert not asked


def test_a_system_that_refuses_or_cannot_be_asked_changes_nothing(monkeypatch):
    X = np.frombuffer(mmap.mmap(-1, 8 * PAGE, mmap.MAP_PRIVATE), np.uint8)
    X = X.reshape(8, PAGE)
    read_ahead(X, np.arange(8))  # memory without a file: the system refuses
    monkeypatch.delattr(mmap, "MADV_WILLNEED")
    read_ahead(X, np.arange(8))


@pytest.mark.parametrize("n", [0, 1, AT_ONCE, 3 * AT_ONCE + 7])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_taken_is_asked_for_and_equal(asked, images, n, order):
    X = images if order == "C" else images.reshape(700, 4000).T
    rows = np.random.default_rng(0).integers(0, 4000, n)
    taken = take(X, rows)
    np.testing.assert_array_equal(taken, np.array(X)[rows])
    assert taken.dtype == X.dtype
    assert asked == (pages_of(rows) if order == "C" else set())
    np.testing.assert_array_equal(take(np.array(X), rows), taken)


@pytest.fixture
def order_told(monkeypatch):
    """The orders of reading that the system is told of."""
    told = []

    class Mapping(mmap.mmap):
        def madvise(self, option, *part):
            super().madvise(option, *part)
            if option != mmap.MADV_WILLNEED:
                assert not part
                told.append(option)

    monkeypatch.setattr(mmap, "mmap", Mapping)
    return told


def test_the_order_is_random_only_meanwhile(order_told, images):
    with suppress(ZeroDivisionError), random_order(images[3:]):
        assert order_told == [mmap.MADV_RANDOM]
        raise ZeroDivisionError
    assert order_told == [mmap.MADV_RANDOM, mmap.MADV_NORMAL]


def test_no_order_is_told_where_it_would_be_of_no_use(order_told, images, monkeypatch):
    for X in [np.array(images), images.reshape(700, 4000).T, images[:0]]:
        with random_order(X):
            pass
    assert not order_told
    monkeypatch.delattr(mmap, "MADV_RANDOM")
    with random_order(images):
        assert not order_told


@pytest.mark.parametrize(("shuffle", "times"), [(True, 2), (False, 0)])
def test_training_reads_in_random_order_if_it_shuffles(
    order_told, tmp_path, digits, shuffle, times
):
    np.save(tmp_path / "digits.npy", digits[0])
    X = np.load(tmp_path / "digits.npy", mmap_mode="r")
    clf = tiny_classifier(shuffle=shuffle)
    clf.fit(X, digits[1])
    assert order_told == times * [mmap.MADV_RANDOM, mmap.MADV_NORMAL]
    assert clf.predict(X).shape == digits[1].shape
    assert len(order_told) == 2 * times

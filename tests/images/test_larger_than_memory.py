"""Training and prediction on a mapped file, with memory for a quarter of it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, train_test_split
from tiny import tiny_classifier as tiny

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_image_folder

# RLIMIT_DATA is a limit of the memory that a process has for itself. The pages of a
# mapped file are none of it: the system takes them back as it needs them. The limit is
# set after a small fit, for TensorFlow alone takes more than these images. A call's
# images, in NumPy's and in TensorFlow's copy, take 16 MB in training and up to 28 MB in
# prediction; a quarter is 24 MB of the bytes and 48 MB of the floats and of the folder.
SCRIPT = """
import json, os, resource, sys
import numpy as np
from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_image_folder
from skcnn.preprocessing import ImageScaler

dtype, form = sys.argv[1:]
mb = 96 if (dtype, form) == ("u1", "images") else 192
side = 64 if form == "folder" else 48
shape = (side, side, 3)
n = mb * 2**20 // (side * side * 3 * np.dtype(dtype).itemsize)
rng = np.random.default_rng(0)
y = rng.integers(0, 3, n)
X = np.lib.format.open_memmap("X.npy", "w+", dtype, (n, *shape))
noise = rng.integers(0, 128, shape, dtype=np.uint8)
for i in range(n):
    X[i] = np.roll(noise, i)
    X[i, :, 16 * y[i] : 16 * y[i] + 16] += 64
X.flush()
X = np.load("X.npy", mmap_mode="r")
if form == "folder":
    from PIL import Image
    for i in range(n):
        os.makedirs(f"images/{y[i]}", exist_ok=True)
        Image.fromarray(X[i]).save(f"images/{y[i]}/{i:06}.bmp")
if form == "flat":
    X = X.reshape(n, -1)

def run(X, y, checkpoint):
    clf = MNISTCNNClassifier(
        filters=2, kernel_size=3, pool_size=4, dense_units=(),
        epochs=1, batch_size=64, scaling="standard", class_weight="balanced",
        early_stopping=True, test_time_augmentation=(), random_state=0,
    )
    clf.fit(X, y, sample_weight=np.where(y == 0, 0.5, 1), checkpoint=checkpoint)
    scaler = ImageScaler(mode="standard").fit(X)
    return clf, clf.predict_proba(X), clf.score(X, y), scaler.offset_

def data_bytes():
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024

run(np.array(X[:1800]), y[:1800], "small")
soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
limit = data_bytes() + X.nbytes // 4
resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
try:
    np.array(X)
except MemoryError:
    fits_in_memory = False
else:
    fits_in_memory = True
if form == "folder":
    bunch = load_image_folder("images", cache="images.npy")
    X, y = bunch.images, bunch.target
clf, probabilities, score, offset = run(X, y, "mapped")
resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

other, other_probabilities, other_score, other_offset = run(np.array(X), y, "memory")
weights = clf.keras_classifier_.state_.weights
others = other.keras_classifier_.state_.weights
same = [np.array_equal(*pair) for pair in zip(weights, others, strict=True)]
print(json.dumps({
    "fits_in_memory": fits_in_memory,
    "same_weights": all(same) and len(same) > 1,
    "same_history": clf.history_ == other.history_,
    "same_probabilities": np.array_equal(probabilities, other_probabilities),
    "same_offset": np.array_equal(offset, other_offset),
    "scores": [score, other_score],
}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit as Linux knows it")
@pytest.mark.parametrize(
    ("dtype", "form"), [("u1", "images"), ("f4", "flat"), ("u1", "folder")]
)
def test_a_quarter_of_the_memory_is_enough(dtype, form, tmp_path):
    if form == "folder":
        pytest.importorskip("PIL.Image")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, dtype, form],
        cwd=tmp_path,
        # So that what is freed is given back, and the limit is of what is in use.
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    scores = found.pop("scores")
    assert not found.pop("fits_in_memory")
    assert all(found.values()), found
    assert scores[0] == scores[1] > 0.9


@pytest.fixture
def mapped(digits, tmp_path):
    """The digits in a file, their labels, and a classifier of them."""
    np.save(tmp_path / "digits.npy", digits[0])
    X = np.load(tmp_path / "digits.npy", mmap_mode="r")
    return X, digits[1]


def test_a_part_of_a_file_by_weights_is_the_part_copied(mapped):
    X, y = mapped
    train, test = train_test_split(np.arange(len(y)), stratify=y, random_state=0)
    weights = np.zeros(len(y))
    weights[train] = 1
    train = np.sort(train)
    by_weights = tiny(early_stopping=True).fit(X, y, sample_weight=weights)
    copied = tiny(early_stopping=True).fit(X[train], y[train])
    np.testing.assert_array_equal(
        by_weights.predict_proba(X[test]), copied.predict_proba(X[test])
    )


def test_what_scikit_learn_splits_it_copies(mapped):
    # The page on data larger than memory says so; once this fails, it can say better.
    X, y = mapped
    copies = []

    class Looking(MNISTCNNClassifier):
        def fit(self, X, y):
            copies.append(not np.shares_memory(X, mapped[0]))
            return super().fit(X, y)

    clf = tiny(Looking, epochs=1)
    GridSearchCV(clf, {"epochs": [1]}, cv=2).fit(X, y)
    assert copies == [True, True, False]  # the last one is the refit


def test_a_folder_trains_from_its_cache_as_from_memory(digits, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for i in range(300):
        folder = tmp_path / "digits" / str(digits[1][i])
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(digits[0][i]).save(folder / f"{i}.png")
    probabilities = []
    for cache in (None, tmp_path / "digits.npy"):
        bunch = load_image_folder(tmp_path / "digits", cache=cache)
        clf = tiny().fit(bunch.images, bunch.target)
        probabilities.append(clf.predict_proba(bunch.data))
    np.testing.assert_array_equal(*probabilities)

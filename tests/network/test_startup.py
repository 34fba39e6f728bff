"""What appears on stderr while Keras and TensorFlow start."""

import os
import subprocess
import sys

import pytest

from skcnn._network import startup

pytestmark = pytest.mark.slow  # they start processes

FIT = """
import numpy as np
from skcnn import MNISTCNNClassifier
X = np.zeros((40, 8, 8), np.uint8)
X[::2] = 9
clf = MNISTCNNClassifier(filters=4, augment=None, epochs=1, random_state=0)
clf.fit(X, np.arange(40) % 2).predict_proba(X)
"""
NOTES = ("oneDNN", "cuda", "absl", "cpu_feature_guard", "E0000")


def run(code, *, level=None, path=None, **options):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name
        not in (startup.LEVEL, startup.ONEDNN, "PYTHONFAULTHANDLER", "PYTHONWARNINGS")
    }
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    if path is not None:
        paths = [str(path), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env=environment,
        **{"capture_output": True, "text": True} | options,
    )


@pytest.mark.parametrize("level", [None, "3"])
def test_a_first_fit_writes_nothing_to_stderr(level):
    code = f"import os\nbefore = dict(os.environ)\n{FIT}"
    code += "for name in ('TF_CPP_MIN_LOG_LEVEL', 'TF_ENABLE_ONEDNN_OPTS'):\n"
    code += "    assert os.environ.get(name) == before.get(name)\n"
    done = run(code, level=level)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_level_of_the_users_is_respected():
    done = run(FIT, level="0")
    assert done.returncode == 0
    assert "oneDNN" in done.stderr and "cpu_feature_guard" in done.stderr


def test_who_imports_keras_first_gets_its_notes_and_nothing_is_redirected():
    watch = (
        "import keras\nfrom skcnn._network import startup\n"
        "def never(): raise AssertionError('redirected')\n"
        "startup._stderr_filtered = never\n"
    )
    done = run(watch + FIT)
    assert done.returncode == 0, done.stderr
    # Which notes there are depends on the processor.
    assert any(note in done.stderr for note in NOTES)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        ("skcnn.save(clf, 'model')", "skcnn.load('model')"),
        ("joblib.dump(clf, 'model')", "joblib.load('model')"),
    ],
    ids=["skcnn", "pickle"],
)
def test_a_saved_model_is_as_quiet_in_another_process(write, read, tmp_path):
    done = run(f"{FIT}import joblib, skcnn\n{write}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(
        "import joblib, numpy as np, skcnn\n"
        f"clf = {read}\nclf.model_\nclf.predict(np.zeros((3, 8, 8), np.uint8))",
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_python_warnings_and_other_lines_appear():
    code = """
import os, sys, threading, time
def write():
    while "keras" not in sys.modules:
        time.sleep(0.001)
    os.write(2, b"from another thread\\n")
    print("from Python", file=sys.stderr)
thread = threading.Thread(target=write)
thread.start()
"""
    done = run(code + FIT + "thread.join()")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert sorted(lines) == ["from Python", "from another thread"]


@pytest.mark.parametrize(
    "line",
    [
        "E0000 00:00:1795676722.387001    6727 loader.cc:52] cannot read the file",
        "F0000 00:00:1795676722.387001    6727 loader.cc:52] check failed",
        "ImportWarning: cuda is not here",
        "I am no note",
    ],
)
def test_errors_are_no_notes(line):
    assert not startup._is_note(line.encode())


def fake_tensorflow(folder, end):
    (folder / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'I0000 00:00:1795676722.387001    6727 port.cc:1] a note\\n')\n"
        f"os.write(2, b'no such CPU\\n')\n{end}\n"
    )


@pytest.mark.parametrize("end", ["raise ImportError('cannot load')", "1 / 0"])
def test_an_import_that_fails_says_all_that_was_written(tmp_path, end):
    fake_tensorflow(tmp_path, end)
    done = run(FIT, path=tmp_path)
    assert done.returncode == 1
    assert "a note\nno such CPU\n" in done.stderr
    assert "Traceback" in done.stderr and end.split("(")[0][:5] in done.stderr


def test_a_crash_while_tensorflow_is_imported_says_where(tmp_path):
    fake_tensorflow(tmp_path, "os.abort()")
    done = run(FIT, path=tmp_path)
    assert done.returncode != 0
    assert "Fatal Python error: Aborted" in done.stderr
    assert "tensorflow.py" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="closes descriptors as POSIX shells do")
@pytest.mark.parametrize(
    "preparation",
    [
        "import os, sys; os.close(2)",
        "import sys; sys.stderr = None",
        "import sys; sys.stderr.close()",
        "import sys; sys.stderr = sys.__stderr__ = None",
        "import io, sys; sys.stderr = io.StringIO()",
        "import os, tempfile; tempfile.tempdir = '/nowhere'; del os.memfd_create",
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 2)",
    ],
)
def test_fits_whatever_stderr_is(preparation):
    done = run(f"{preparation}\n{FIT}print('fitted')")
    assert (done.returncode, done.stdout) == (0, "fitted\n"), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="closes descriptors as POSIX shells do")
def test_a_file_that_took_descriptor_2_is_not_written_to(tmp_path):
    command = f'exec "{sys.executable}" -c "$1" 2>&-'
    code = f"""
file = open("mine", "w")
assert file.fileno() == 2
{FIT}
file.write("mine")
file.flush()
import os
assert os.fstat(2).st_ino == os.stat("mine").st_ino
"""
    subprocess.run(["sh", "-c", command, "sh", code], check=True, cwd=tmp_path)
    assert (tmp_path / "mine").read_text().endswith("mine")


def test_threads_that_fit_at_once_leave_stderr_as_it_was():
    code = f"""
import os, threading
before = os.fstat(2)
def fit():
    exec({FIT!r}, {{}})
threads = [threading.Thread(target=fit) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
after = os.fstat(2)
assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
os.write(2, b"still here")
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "still here")

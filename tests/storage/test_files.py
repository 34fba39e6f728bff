"""Files are opened without waiting, and written whole or not at all."""

import errno
import os
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._storage.files import folder_written_whole, open_regular, written_whole

if os.name == "posix":
    import fcntl

needs_posix = pytest.mark.skipif(os.name != "posix", reason="POSIX alone has these")


def make_pipe(path):
    os.mkfifo(path)


def make_link_to_device(path):
    path.symlink_to("/dev/zero")


@needs_posix
@pytest.mark.parametrize("make", [make_pipe, make_link_to_device])
def test_what_is_no_file_is_not_read(tmp_path, make):
    make(tmp_path / "x")
    with (
        pytest.raises(ValueError, match=r"x is not a file, but"),
        open_regular(tmp_path / "x"),
    ):
        pass


@needs_posix
def test_folders_sockets_and_nothing_are_errors_of_the_system(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        for name in (".", "socket", "nothing"):
            with pytest.raises(OSError, match=r"\["), open_regular(tmp_path / name):
                pass


def test_a_file_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    with open_regular(tmp_path / "x") as file:
        assert file.read() == b"content"
    with open_regular(str(tmp_path / "x")) as file:
        assert file.seek(0, os.SEEK_END) == 7


def write(path, content=b"new", **options):
    with written_whole(path, **options) as file:
        file.write(content)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@needs_posix
class TestWrittenWhole:
    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
    def test_a_new_file_gets_the_permissions_that_open_gives(self, tmp_path, umask):
        before = os.umask(umask)
        try:
            write(tmp_path / "a")
            (tmp_path / "b").write_bytes(b"")
        finally:
            os.umask(before)
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode

    @given(st.integers(0, 0o777))
    def test_a_replaced_file_keeps_its_permissions(self, tmp_path_factory, mode):
        path = tmp_path_factory.mktemp("files") / "a"
        path.write_bytes(b"old")
        path.chmod(mode)
        with written_whole(path) as file:
            (part,) = path.parent.glob(".skcnn-*.part")
            assert part.stat().st_mode & 0o777 == mode
            file.write(b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o600)
        assert path.read_bytes() == b"new"

    @pytest.mark.skipif(
        os.name != "posix" or os.geteuid(), reason="only root gives files away"
    )
    def test_a_replaced_file_keeps_its_owner(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(b"old")
        os.chown(path, 1234, 4321)
        path.chmod(0o640)
        write(path)
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (1234, 4321)
        assert stat.S_IMODE(found.st_mode) == 0o640

    def test_another_group_gets_no_more_than_everybody(self, tmp_path, monkeypatch):
        def refuse(descriptor, owner, group):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "fchown", refuse)
        for mode, expected in ((0o640, 0o600), (0o664, 0o644), (0o600, 0o600)):
            path = tmp_path / f"{mode}"
            path.write_bytes(b"old")
            path.chmod(mode)
            write(path)
            assert stat.S_IMODE(path.stat().st_mode) == expected

    @pytest.mark.parametrize("length", [1, 216, 217, 255])
    def test_a_name_can_be_as_long_as_names_can_be(self, tmp_path, length):
        path = tmp_path / ("n" * length)
        write(path)
        assert path.read_bytes() == b"new"
        with pytest.raises(OSError, match="too long"):
            write(tmp_path / ("n" * 256))

    def test_a_failure_leaves_the_old_file_and_nothing_else(self, tmp_path):
        path = tmp_path / "a"
        path.write_bytes(b"old")
        with pytest.raises(ZeroDivisionError), written_whole(path) as file:
            file.write(b"new")
            1 / 0  # noqa: B018
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == ["a"]

    @pytest.mark.slow
    def test_what_a_killed_process_leaves_is_removed_by_the_next_one(self, tmp_path):
        path = tmp_path / "a"
        for wait in ("os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)"):
            code = (
                "import os, sys\n"
                "from skcnn._storage.files import written_whole\n"
                "with written_whole(sys.argv[1]) as file:\n"
                "    file.write(b'x' * 10**6)\n"
                f"    {wait}\n"
            )
            subprocess.run([sys.executable, "-c", code, path], check=False)
            assert len(names(tmp_path)) == 1
            assert not path.exists()
            write(tmp_path / "other")
            assert len(names(tmp_path)) == 2  # What belongs to "a" is left to "a".
            write(path)
            assert names(tmp_path) == ["a", "other"]
            path.unlink()
            (tmp_path / "other").unlink()

    def test_what_others_name_alike_is_left(self, tmp_path):
        write(tmp_path / "a")
        with written_whole(tmp_path / "a"):
            (part,) = tmp_path.glob(".skcnn-*.part")
        for name in (part.name + "x", part.name[:-6] + ".part", ".a.part"):
            (tmp_path / name).write_bytes(b"")
        write(tmp_path / "a")
        assert len(names(tmp_path)) == 4

    def test_two_that_write_the_same_file_leave_each_other_alone(self, tmp_path):
        path = tmp_path / "a"
        with written_whole(path) as one:
            one.write(b"one")
            with written_whole(path) as other:
                other.write(b"other")
            assert path.read_bytes() == b"other"
        assert path.read_bytes() == b"one"
        assert names(tmp_path) == ["a"]

    @pytest.mark.slow
    def test_many_that_write_the_same_file_leave_one_whole_file(self, tmp_path):
        code = (
            "import sys\n"
            "from skcnn._storage.files import written_whole\n"
            "for i in range(50):\n"
            "    with written_whole(sys.argv[1]) as file:\n"
            "        file.write(sys.argv[2].encode() * 1000)\n"
        )
        path = tmp_path / "a"
        writers = [
            subprocess.Popen([sys.executable, "-c", code, path, letter])
            for letter in "abc"
        ]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
        content = path.read_bytes()
        assert len(content) == 1000 and len(set(content)) == 1
        assert names(tmp_path) == ["a"]

    def test_a_file_taken_for_a_leftover_is_made_anew(self, tmp_path, monkeypatch):
        flock, seen = fcntl.flock, []

        def remove_first(descriptor, kind):
            if kind & fcntl.LOCK_EX and not seen:
                seen.extend(tmp_path.glob(".skcnn-*"))
                seen[0].unlink()
            flock(descriptor, kind)

        monkeypatch.setattr(fcntl, "flock", remove_first)
        write(tmp_path / "a")
        assert seen and names(tmp_path) == ["a"]

    def test_without_locks_files_are_written_and_leftovers_left(
        self, tmp_path, monkeypatch
    ):
        def refuse(descriptor, kind):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
        with written_whole(tmp_path / "a"):
            write(tmp_path / "a")
            assert len(names(tmp_path)) == 2
        assert names(tmp_path) == ["a"]

    def test_on_windows_only_old_leftovers_are_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("skcnn._storage.files.fcntl", None)
        path = tmp_path / "a"
        with written_whole(path):
            (part,) = tmp_path.glob(".skcnn-*.part")
        recent, old = (part.with_name(part.name[:-6] + f"{i}.part") for i in "01")
        for leftover in (recent, old):
            leftover.write_bytes(b"")
        os.utime(old, (1, 1))
        write(path)
        assert path.read_bytes() == b"new"
        assert names(tmp_path) == sorted(["a", recent.name])

    def test_a_link_stays_and_its_target_is_replaced(self, tmp_path):
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "folder" / "a")
        for content in (b"one", b"two"):
            write(tmp_path / "link", content)
            assert (tmp_path / "link").is_symlink()
            assert (tmp_path / "folder" / "a").read_bytes() == content

    def test_folders_and_sockets_are_refused_before_anything_is_written(self, tmp_path):
        (tmp_path / "folder").mkdir()
        with pytest.raises(IsADirectoryError, match=r"There is a folder.*folder'"):
            write(tmp_path / "folder")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(tmp_path / "socket"))
            with pytest.raises(OSError, match="neither a file nor a stream"):
                write(tmp_path / "socket")
        assert names(tmp_path) == ["folder", "socket"]
        with pytest.raises(FileNotFoundError, match=r"nowhere/a'"):
            write(tmp_path / "nowhere" / "a")

    @pytest.mark.parametrize("name", ["", "new/", "new/.", "new/..", "old/", "."])
    def test_a_path_that_names_no_file_is_refused(self, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "old").write_bytes(b"old")
        with pytest.raises(OSError, match=r"(?i)name a file"):
            write(name)
        assert names(tmp_path) == ["old"]

    def test_a_pipe_that_nobody_reads_is_refused_at_once(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="a pipe that nobody reads"):
            write(tmp_path / "pipe")
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    def test_a_pipe_that_is_read_gets_the_content(self, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with (
            open(tmp_path / "copy", "wb") as copy,
            subprocess.Popen(["cat", pipe], stdout=copy) as reader,
        ):
            while reader.poll() is None:
                try:
                    write(pipe, b"x" * 10**6)
                except OSError:
                    time.sleep(0.01)  # until it is opened for reading
                else:
                    break
        assert (tmp_path / "copy").read_bytes() == b"x" * 10**6
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    @pytest.mark.skipif(
        os.name != "posix" or os.geteuid(), reason="only root makes devices"
    )
    def test_a_device_stays_a_device(self, tmp_path):
        path = tmp_path / "null"
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            path.read_bytes()
        except PermissionError:
            pytest.skip("no devices in this container")
        write(path)
        assert stat.S_ISCHR(path.stat().st_mode)

    def test_a_full_device_is_an_error(self):
        with pytest.raises(OSError, match="No space left"):
            write("/dev/full")
        write("/dev/null", "text", mode="t", encoding="ascii")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    @pytest.mark.parametrize("target", ["pipe", "file"])
    def test_standard_output_is_written_to(self, tmp_path, name, target):
        code = (
            "import sys\n"
            "from skcnn._storage.files import written_whole\n"
            "print('before', flush=True)\n"
            "with written_whole(sys.argv[1], mode='t', encoding='utf-8') as file:\n"
            "    file.write('né\\n')\n"
            "print('after')\n"
        )
        command = [sys.executable, "-c", code, name]
        if target == "pipe":
            output = subprocess.run(command, capture_output=True, check=True).stdout
        else:
            with open(tmp_path / "out", "wb") as file:
                subprocess.run(command, stdout=file, check=True)
            output = (tmp_path / "out").read_bytes()
        assert output.decode() == "before\nné\nafter\n"

    def test_nothing_is_written_to_a_stream_if_the_block_fails(self, capfd):
        with pytest.raises(ZeroDivisionError), written_whole("/dev/stdout") as file:
            file.write(b"new")
            1 / 0  # noqa: B018
        assert capfd.readouterr().out == ""

    @pytest.mark.parametrize("path", [b"a", "a", Path("a")])
    def test_every_kind_of_path_is_taken(self, tmp_path, monkeypatch, path):
        monkeypatch.chdir(tmp_path)
        write(path)
        assert names(tmp_path) == ["a"]


def make_file(path):
    path.write_bytes(b"mine")


def make_folder_of_files(path):
    path.mkdir()
    (path / "note.txt").write_bytes(b"mine")


def make_link(path):
    target = path.with_name("target")
    target.mkdir(exist_ok=True)
    path.symlink_to(target)


def make_dangling_link(path):
    path.symlink_to("nowhere")


def write_folder(path, name="file"):
    with folder_written_whole(path) as part:
        Path(part, "inner").mkdir()
        Path(part, "inner", name).write_bytes(b"new")


@needs_posix
class TestFolderWrittenWhole:
    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
    def test_it_gets_the_permissions_that_mkdir_gives(self, tmp_path, umask):
        before = os.umask(umask)
        try:
            write_folder(tmp_path / "a")
            (tmp_path / "b").mkdir()
        finally:
            os.umask(before)
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
        assert (tmp_path / "a" / "inner" / "file").read_bytes() == b"new"
        assert names(tmp_path) == ["a", "b"]

    def test_it_has_its_name_only_once_it_is_complete(self, tmp_path):
        with pytest.raises(ZeroDivisionError), folder_written_whole(tmp_path / "a"):
            (part,) = tmp_path.iterdir()
            (part / "file").write_bytes(b"new")
            1 / 0  # noqa: B018
        assert names(tmp_path) == []

    @pytest.mark.parametrize(
        "make",
        [
            make_file,
            Path.mkdir,
            make_folder_of_files,
            make_link,
            make_dangling_link,
            make_link_to_device,
            make_pipe,
        ],
    )
    @pytest.mark.parametrize("moment", ["before", "meanwhile"])
    def test_what_is_there_stays(self, tmp_path, make, moment):
        path = tmp_path / "a"
        if moment == "before":
            make(path)
        with (
            pytest.raises(FileExistsError, match=r"It exists. Delete it.*a'"),
            folder_written_whole(path),
        ):
            assert moment == "meanwhile"
            make(path)
        others = tmp_path / "others"
        others.mkdir()
        make(others / "a")
        assert stat.S_IFMT(path.lstat().st_mode) == stat.S_IFMT(
            (others / "a").lstat().st_mode
        )
        assert set(names(tmp_path)) <= {"a", "others", "target"}

    @pytest.mark.slow
    def test_what_a_killed_process_leaves_is_removed_by_the_next_one(self, tmp_path):
        code = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from skcnn._storage.files import folder_written_whole\n"
            "with folder_written_whole(sys.argv[1]) as part:\n"
            "    Path(part, 'inner').mkdir()\n"
            "    Path(part, 'inner', 'file').write_bytes(b'x' * 10**6)\n"
            "    os.kill(os.getpid(), 9)\n"
        )
        path = tmp_path / "a"
        subprocess.run([sys.executable, "-c", code, path], check=False)
        (left,) = tmp_path.iterdir()
        assert left.is_dir() and len(left.name) < 40
        write_folder(tmp_path / "other")
        assert left.exists()  # What belongs to "a" is left to "a".
        write_folder(path)
        assert names(tmp_path) == ["a", "other"]
        # A file of the same name, in the place of the folder, finds it too.
        path.rename(tmp_path / "b")
        subprocess.run([sys.executable, "-c", code, path], check=False)
        write(path)
        assert names(tmp_path) == ["a", "b", "other"]

    def test_of_two_at_once_the_first_stays(self, tmp_path):
        path = tmp_path / "a"
        with pytest.raises(FileExistsError), folder_written_whole(path) as slow:
            Path(slow, "slow").write_bytes(b"")
            write_folder(path)
        assert names(path) == ["inner"]
        assert names(tmp_path) == ["a"]

    def test_a_folder_taken_for_a_leftover_is_made_anew(self, tmp_path, monkeypatch):
        flock, seen = fcntl.flock, []

        def remove_first(descriptor, kind):
            if kind & fcntl.LOCK_EX and not seen:
                seen.extend(tmp_path.glob(".skcnn-*"))
                seen[0].rmdir()
            flock(descriptor, kind)

        monkeypatch.setattr(fcntl, "flock", remove_first)
        write_folder(tmp_path / "a")
        assert seen and names(tmp_path) == ["a"]

    def test_on_windows_only_old_leftovers_are_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("skcnn._storage.files.fcntl", None)
        path = tmp_path / "a"
        with suppress(ZeroDivisionError), folder_written_whole(path) as part:
            1 / 0  # noqa: B018
        recent, old = (Path(part[:-6] + f"{i}.part") for i in "01")
        for leftover in (recent, old):
            make_folder_of_files(leftover)
        os.utime(old, (1, 1))
        write_folder(path)
        assert names(tmp_path) == sorted(["a", recent.name])

    @pytest.mark.parametrize(
        "path", ["a", "a/", "a//", b"a", Path("a"), "./a", "x/../a"]
    )
    def test_every_kind_of_path_is_taken(self, tmp_path, monkeypatch, path):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "x").mkdir()
        write_folder(path)
        assert names(tmp_path) == ["a", "x"]

    def test_a_link_to_the_folder_around_it_is_followed(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        write_folder(tmp_path / "link" / "a")
        assert names(tmp_path / "real") == ["a"]

    @pytest.mark.parametrize("length", [1, 216, 217, 255])
    def test_a_name_can_be_as_long_as_names_can_be(self, tmp_path, length):
        write_folder(tmp_path / ("n" * length))
        assert names(tmp_path) == ["n" * length]

    @pytest.mark.parametrize(
        "path, message",
        [
            ("", "The path is empty"),
            ("nowhere/a", "nowhere/a'"),
            ("file/a", "file/a'"),
            (".", "It exists"),
            ("/", "It exists"),
            ("/proc/a", "/proc/a'"),
            ("n" * 256, "too long"),
        ],
    )
    def test_where_nothing_can_be_written_it_says_so(
        self, tmp_path, monkeypatch, path, message
    ):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OSError, match=message), folder_written_whole(path):
            pass
        assert names(tmp_path) == ["file"]

"""Files are opened without waiting, and written whole or not at all."""

import os
import socket

import pytest

from skcnn._files import open_regular, printable, shown

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


def test_what_a_file_says_is_one_short_line():
    assert printable("naïve\x1b[31m\r\n\u202e") == r"naïve\x1b[31m\r\n\u202e"
    assert printable(ValueError("x" * 10**6)) == "x" * 200 + " ..."
    assert shown("x" * 10**6) == repr("x" * 80) + " ..."
    assert shown(b"\x1b") == r"b'\x1b'"

"""What the processor says of itself, and what follows for TensorFlow."""

import os

import pytest

from skcnn._network import startup
from skcnn._network.processor import has_bfloat16_units, rows_of_a_block

X86 = "processor\t: 0\nmodel name\t: {0}\nflags\t\t: fpu vme {0} sse\nbugs\t: {0}_bug\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("avx512_bf16"), True),
        (X86.format("amx_bf16"), True),
        (X86.format("avx512_vnni"), False),
        (X86.format("not_amx_bf16"), False),
        # ARM's word for it is another, and not measured.
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_units_for_bfloat16_are_read_from_the_flags(text, expected, tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert has_bfloat16_units(str(path)) is expected


def test_a_system_that_does_not_say_has_none(tmp_path):
    assert has_bfloat16_units(str(tmp_path / "nothing")) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("avx2 avx512f avx512_vnni"), 16),
        (X86.format("avx2"), 24),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", 48),
        ("", 48),
    ],
)
def test_blocks_of_images_are_as_wide_as_the_kernels_of_the_processor(
    text, expected, tmp_path
):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert rows_of_a_block(str(path)) == expected


@pytest.mark.parametrize(
    ("machine", "before", "inside"),
    [
        ("x86_64", None, "1"),
        ("AMD64", None, "1"),
        ("x86_64", "0", "0"),
        ("aarch64", None, None),
    ],
)
def test_onednn_is_enabled_for_the_import_unless_the_user_has_chosen(
    machine, before, inside, monkeypatch
):
    monkeypatch.setattr(startup.platform, "machine", lambda: machine)
    monkeypatch.delenv(startup.ONEDNN, raising=False)
    if before is not None:
        monkeypatch.setenv(startup.ONEDNN, before)
    with startup._onednn_enabled():
        assert os.environ.get(startup.ONEDNN) == inside
    assert os.environ.get(startup.ONEDNN) == before

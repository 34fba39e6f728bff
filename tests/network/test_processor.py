"""What the processor says of itself."""

import pytest

from skcnn._network.processor import has_bfloat16_units

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

"""What the processor of this machine can do."""

import re
from functools import cache
from pathlib import Path

# Names that Linux has for the instructions of x86 processors that multiply matrices in
# bfloat16.
BFLOAT16_UNITS = frozenset({"amx_bf16", "avx512_bf16"})


# Of how many images a batch has to be a multiple, so that matrix products round all of
# them alike. Their kernels take 16 float32 rows at a time with AVX-512, and three
# vectors of 8 rows with AVX2. 48 is a multiple of both.
BLOCK_AVX512, BLOCK_AVX2, BLOCK_UNKNOWN = 16, 24, 48


@cache
def has_bfloat16_units(description: str = "/proc/cpuinfo") -> bool:
    """Whether the processor is known to have units for bfloat16.

    Only Linux says so in a file that can be read without another library. On other
    systems, and on other processors than x86, the answer is no.
    """
    return not BFLOAT16_UNITS.isdisjoint(_flags(description))


@cache
def rows_of_a_block(description: str = "/proc/cpuinfo") -> int:
    """Return how many rows the kernels of matrix products take at a time."""
    flags = _flags(description)
    if "avx512f" in flags:
        return BLOCK_AVX512
    return BLOCK_AVX2 if flags else BLOCK_UNKNOWN


def _flags(description: str) -> frozenset[str]:
    """Return the names that Linux has for what an x86 processor can do, if it does."""
    try:
        text = Path(description).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(flags[1].split() if flags else ())

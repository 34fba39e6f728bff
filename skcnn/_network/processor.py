"""What the processor of this machine can do."""

import re
from functools import cache
from pathlib import Path

# Names that Linux has for the instructions of x86 processors that multiply matrices in
# bfloat16.
BFLOAT16_UNITS = frozenset({"amx_bf16", "avx512_bf16"})


@cache
def has_bfloat16_units(description: str = "/proc/cpuinfo") -> bool:
    """Whether the processor is known to have units for bfloat16.

    Only Linux says so in a file that can be read without another library. On other
    systems, and on other processors than x86, the answer is no.
    """
    try:
        text = Path(description).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return flags is not None and not BFLOAT16_UNITS.isdisjoint(flags[1].split())

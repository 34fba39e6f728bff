"""Lines at the bottom of a terminal that show how far a training has come."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from skcnn._cli._terminal import say, visible

# How often the lines are drawn anew on a terminal, and how often they are printed into
# a file or a pipe, in seconds.
SECONDS_BETWEEN_FRAMES = 0.25
SECONDS_BETWEEN_LINES = 10


@contextmanager
def live(
    lines: Callable[[], list[str]], printed: Callable[[], Any] = time.monotonic_ns
) -> Iterator[None]:
    """Show lines that change, below all other messages, while the block runs.

    Where stderr is no terminal, the lines are printed from time to time, unless
    `printed` tells by another value that another message was printed since.
    """
    from rich.console import Console

    # Else FORCE_COLOR makes a terminal of a pipe.
    is_terminal = sys.stderr.isatty()
    console = Console(
        file=sys.stderr, force_terminal=is_terminal, no_color=True, soft_wrap=True
    )
    show = _drawn if is_terminal and not console.is_dumb_terminal else _repeated
    with show(console, lines, printed):
        yield


@contextmanager
def _drawn(
    console: Any, lines: Callable[[], list[str]], printed: Callable[[], Any]
) -> Iterator[None]:
    """Draw the lines again and again in one place of a terminal."""
    from rich.live import Live
    from rich.text import Text

    def frame() -> Text:
        text = "\n".join(map(visible, lines()))
        return Text(text, no_wrap=True, overflow="ellipsis")

    with Live(
        get_renderable=frame,
        console=console,
        refresh_per_second=1 / SECONDS_BETWEEN_FRAMES,
        transient=True,
    ):
        yield


@contextmanager
def _repeated(
    console: Any, lines: Callable[[], list[str]], printed: Callable[[], Any]
) -> Iterator[None]:
    """Print the lines as one, from time to time."""
    over = threading.Event()

    def repeat() -> None:
        before = printed()
        while not over.wait(SECONDS_BETWEEN_LINES):
            now = printed()
            if now == before and (text := "; ".join(lines())):
                say(text)
            before = now

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

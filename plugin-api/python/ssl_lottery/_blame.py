"""Errors as one line that names the author's own."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback

from .faults import Fault

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_LIBRARIES = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def is_authors(file: str) -> bool:
    """Whether a file is neither Python's, nor installed, nor of this package."""
    file = os.path.realpath(file)
    is_installed = "site-packages" in file or "dist-packages" in file or file.startswith(_LIBRARIES)
    return not (is_installed or file.startswith(_PACKAGE + os.sep) or file.startswith("<"))


def one_line(error: BaseException) -> str:
    """What happened and where; the whole traceback of what the author did not raise on purpose goes to standard error."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    if isinstance(error, Fault):
        return text or type(error).__name__
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    sys.stderr.flush()
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    frames = [it for it in traceback.extract_tb(error.__traceback__) if not it.filename.startswith("<frozen")]
    own = [it for it in frames if is_authors(it.filename)] or frames
    place = f" ({own[-1].filename}:{own[-1].lineno} in {own[-1].name})" if own else ""
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"

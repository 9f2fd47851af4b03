"""The program `ssl-lottery`, as `pip` installs it.

It runs with the interpreter of its environment for frameworks in Python. A wheel without libtorch uses that of the
environment's torch.
"""

import importlib.util
import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_LIBRARIES = _HERE / "lib"
_BAD_INPUT = 65


def main():
    """Becomes the program."""
    environment = dict(os.environ)
    environment.setdefault("SSL_LOTTERY_PYTHON", sys.executable)
    if not (_LIBRARIES / "libtorch_cpu.so").exists():
        torch = _torch()
        # The program's run path leads to a torch that is installed beside this package.
        if not (_HERE.parent / "torch" / "lib" / "libtorch_cpu.so").exists():
            paths = [str(torch), environment.get("LD_LIBRARY_PATH", "")]
            environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, paths))
    program = str(_LIBRARIES / "ssl-lottery")
    os.execve(program, [program, *sys.argv[1:]], environment)


def _torch():
    """The folder of torch's libraries, found without importing it."""
    found = importlib.util.find_spec("torch")
    for place in found.submodule_search_locations or [] if found else []:
        libraries = Path(place) / "lib"
        if (libraries / "libtorch_cpu.so").exists():
            return libraries
    print(
        f"ssl-lottery: expected torch in the environment of {sys.executable}, found none; install the one that "
        "`pip show ssl-lottery` names",
        file=sys.stderr,
    )
    sys.exit(_BAD_INPUT)

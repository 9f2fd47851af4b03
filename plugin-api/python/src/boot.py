"""What the library starts in the interpreter: it runs before the package and torch are known to be there.

Arguments: descriptors of socket, shared memory and crash report, the parent's process id.
"""

import os
import sys

if not os.environ.get("SSL_LOTTERY_FRAMEWORKS"):
    # Only then does the working folder belong to where modules are looked for.
    sys.path[:] = [folder for folder in sys.path if folder]

import ctypes
import faulthandler
import json
import socket
import struct

end, memory, crash, parent = map(int, sys.argv[1:5])
if os.getppid() != parent:
    os._exit(0)  # The parent died before its end could be noticed.
os.set_inheritable(end, False)
os.set_inheritable(memory, False)
faulthandler.enable(file=crash)
end = socket.socket(fileno=end)
if hasattr(ctypes.CDLL(None), "mallopt"):
    # Freed blocks are kept, so that the memory of each step's gradients is not asked of the system and cleared anew.
    for parameter, value in ((-4, 0), (-1, 1 << 30)):  # M_MMAP_MAX, M_TRIM_THRESHOLD
        ctypes.CDLL(None).mallopt(parameter, value)


def tell(message):
    body = json.dumps(message).encode()
    end.sendall(struct.pack("<I", len(body)) + body)


def declared():
    """Where frameworks are said to be: `module:Class`, with who says so."""
    from importlib.metadata import entry_points

    found = []
    for text in os.environ.get("SSL_LOTTERY_FRAMEWORKS", "").split(","):
        if text.strip():
            found.append((text.strip(), "SSL_LOTTERY_FRAMEWORKS"))
    group, points = "ssl_lottery.frameworks", entry_points()
    points = points.select(group=group) if hasattr(points, "select") else points.get(group, [])
    for point in points:
        entry = (point.value, "entry point " + point.name)
        if entry not in found:
            found.append(entry)
    return found


frameworks = declared()
tell({"declared": frameworks, "paths": [os.path.abspath(folder) for folder in sys.path]})
try:
    from ssl_lottery import _worker
except ImportError as error:
    if error.name == "torch":
        text = f"expected torch >= 2.4 in {sys.executable}, found none: pip install torch, or name another interpreter in SSL_LOTTERY_PYTHON"
    elif error.name == "ssl_lottery":
        text = f"expected the package ssl_lottery in {sys.executable}, found none: pip install ssl-lottery, or name the folder that holds it in PYTHONPATH"
    else:
        text = f"the package ssl_lottery cannot be imported in {sys.executable}: {error}"
    tell({"fault": {"kind": "internal", "text": text}})
    sys.exit(0)
except Exception as error:
    tell({"fault": {"kind": "internal", "text": f"torch cannot be imported in {sys.executable}: {type(error).__name__}: {error}"}})
    sys.exit(0)
_worker.main(end, memory, frameworks)

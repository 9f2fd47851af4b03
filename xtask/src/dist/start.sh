#!/bin/sh
# Starts ssl-lottery with the libraries of the torch that is installed here.
#
# SSL_LOTTERY_PYTHON names the interpreter that has it (default: python3), TORCH_LIB the folder of libtorch_cpu.so itself.
here=$(dirname "$(readlink -f "$0")")
export SSL_LOTTERY_PYTHON="${SSL_LOTTERY_PYTHON:-python3}"

refuse() {
    echo "ssl-lottery: expected $1" >&2
    exit 65
}

if [ -z "$TORCH_LIB" ]; then
    # Found without importing it, which takes seconds.
    TORCH_LIB=$("$SSL_LOTTERY_PYTHON" -c '
import importlib.util, os
found = importlib.util.find_spec("torch")
print(os.path.join(found.submodule_search_locations[0], "lib") if found else "")') ||
        refuse "a Python interpreter, found none that runs: $SSL_LOTTERY_PYTHON; name one in SSL_LOTTERY_PYTHON"
    [ -n "$TORCH_LIB" ] ||
        refuse "torch @RELEASE@ in $SSL_LOTTERY_PYTHON, found none; install it, or name another interpreter in SSL_LOTTERY_PYTHON"
fi
[ -e "$TORCH_LIB/libtorch_cpu.so" ] ||
    refuse "libtorch_cpu.so in $TORCH_LIB, found none; set TORCH_LIB to the folder of torch's libraries"
version=$(dirname "$TORCH_LIB")/version.py
if [ -e "$version" ]; then
    found=$(sed -n "s/^__version__ = ['\"]\([^'\"]*\)['\"].*/\1/p" "$version")
    case "$found" in
    @RELEASE@ | @RELEASE@.* | @RELEASE@+*) ;;
    *) refuse "torch @RELEASE@, for which this program was built, found $found in $TORCH_LIB; install that release, or name another torch in SSL_LOTTERY_PYTHON or TORCH_LIB" ;;
    esac
fi
export LD_LIBRARY_PATH="$TORCH_LIB${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# The package of frameworks in Python comes with this program.
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
exec "$here/lib/ssl-lottery" "$@"

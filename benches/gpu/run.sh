#!/usr/bin/env bash
# Measures this program on a GPU, or tries the scripts themselves on a CPU:
#
#     benches/gpu/run.sh                              # every part, on cuda
#     benches/gpu/run.sh frameworks                   # one part: doctor, frameworks, speed
#     DEVICE=cpu SIZE=tiny benches/gpu/run.sh         # small sizes, which prove the scripts and nothing else
#
# SSL_LOTTERY names the program (default: that of this archive, else of this checkout), PYTHON an interpreter with torch and
# torchvision, OUT the folder of results (default: results/gpu), one JSON file for each part.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export DEVICE="${DEVICE:-cuda}" SIZE="${SIZE:-full}" OUT="${OUT:-results/gpu}" PYTHON="${PYTHON:-python3}"
if [[ -z "${SSL_LOTTERY:-}" ]]; then
    SSL_LOTTERY="$root/ssl-lottery"
    [[ -x "$SSL_LOTTERY" ]] || SSL_LOTTERY="$root/target/release/ssl-lottery"
fi
export SSL_LOTTERY
mkdir -p "$OUT"
[[ $# -gt 0 ]] || set -- doctor frameworks speed
for part in "$@"; do
    begin=$SECONDS
    "$PYTHON" "$here/measure.py" "$part"
    echo "$part: $((SECONDS - begin)) s, $OUT/$part.json"
done

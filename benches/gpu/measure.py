"""One part of `run.sh`, which says what the variables mean. Writes `$OUT/PART.json`.

- `doctor`: what the program finds on this machine.
- `frameworks`: every framework for an epoch of drawn images, in f32 and bf16: how it ended, its loss, images a second.
- `speed`: SimCLR, MoCo, BYOL, DINO and Barlow Twins with a ResNet-50 in bf16, in turn with PyTorch (`peer.py`): images a
  second without the wait for data, and the ratios.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT, DEVICE, TINY = Path(os.environ["OUT"]), os.environ["DEVICE"], os.environ["SIZE"] == "tiny"
PEERS = ["simclr", "moco", "byol", "dino", "barlow"]
# Steps that are left out of a median: memory is asked for, kernels are chosen.
WARM = 1 if TINY else 5


def program(*arguments, may_fail=False):
    command = [os.environ["SSL_LOTTERY"], *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and not may_fail:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done


def run(bench, out, settings):
    """Runs a benchmark anew, and gives back what is known of each cell."""
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    done = program("run", str(bench), "--out", str(out), "--fresh", *sets, may_fail=True)
    cells = {}
    for folder in sorted(out.glob("cells/*")):
        files = list(folder.glob("**/metrics.jsonl"))
        if not files:
            continue
        steps = [json.loads(line) for line in files[0].read_text().splitlines()]
        cells[folder.name.rsplit("-", 2)[0]] = [step for step in steps if step["kind"] == "step"]
    return done, cells


def doctor():
    return json.loads(program("doctor", "--format", "json", may_fail=True).stdout)


def frameworks():
    found = {}
    for precision in ("f32", "bf16"):
        settings = {"pretrain.device": DEVICE, "pretrain.precision": precision}
        if TINY:
            settings["frameworks"] = ["simclr", "simsiam"]
        done, cells = run(ROOT / "bench/ci.toml", OUT / f"frameworks-{precision}", settings)
        found[precision] = {"exit": done.returncode, "said": done.stderr[-2000:], "frameworks": {}}
        for name, steps in cells.items():
            found[precision]["frameworks"][name] = {
                "loss": steps[-1]["loss"] if steps else None,
                "images_per_s": statistics.median(step["images_per_s"] for step in steps) if steps else None,
            }
    return found


def ours(name):
    settings = {"pretrain.device": DEVICE, "pretrain.precision": "bf16", "frameworks": [name]}
    if TINY:
        settings |= {"views.size": 32, "data.train.count": 32, "pretrain.recipe.batch_size": 8}
    done, cells = run(ROOT / "benches/gpu/speed.toml", OUT / "speed", settings)
    steps = cells.get(name, [])[WARM:]
    if done.returncode or not steps:
        sys.exit(f"error: {name}: the run ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    batch = settings.get("pretrain.recipe.batch_size", 256)
    return statistics.median(batch / (batch / step["images_per_s"] - step["data_wait_s"]) for step in steps)


def peer(name):
    command = [sys.executable, str(ROOT / "benches/gpu/peer.py"), name, DEVICE, "tiny" if TINY else "full"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def speed():
    found = {}
    for name in PEERS[:2] if TINY else PEERS:
        turns = [(ours(name), peer(name)) for _ in range(1 if TINY else 2)]
        found[name] = {
            "images_per_s": [own for own, _ in turns],
            "peer": [other for _, other in turns],
            "ratio": statistics.median(own / other["images_per_s"] for own, other in turns),
        }
    return found


PARTS = {"doctor": doctor, "frameworks": frameworks, "speed": speed}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        sys.exit(f"error: expected one part of {', '.join(PARTS)}, found {' '.join(sys.argv[1:]) or 'none'}")
    result = {"device": DEVICE, "size": os.environ["SIZE"], sys.argv[1]: PARTS[sys.argv[1]]()}
    (OUT / f"{sys.argv[1]}.json").write_text(json.dumps(result, indent=1) + "\n")

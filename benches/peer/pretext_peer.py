"""Compares a pretext step of each framework, heads and loss at official widths, with plain PyTorch.

    cargo build --release --workspace --example pretext_cost
    python benches/peer/pretext_peer.py --rounds 5

The plugin (through the ABI) and PyTorch take turns, each in a process of its own with the same number of threads;
features are `[batch, 2048]`. Printed are medians of processor time of a step and what it adds to the peak memory, and
the ratios, plugin over PyTorch, with the smallest and the largest over the turns. OBoW is left out: its teacher's bags
have no short form in PyTorch. Needs torch 2.9.0.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAMEWORKS = "simclr moco byol simsiam swav pcl barlow vicreg dino sela deepcluster".split()
BATCH = {"dino": 32}


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def step_cost(framework, rounds, threads):
    """One process of PyTorch's side: seconds of each round, and memory."""
    import torch

    from pretext.methods import METHODS, WIDTH

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    kind = METHODS[framework]
    count = kind.online + kind.target
    features = [torch.randn(kind.batch, WIDTH).relu() for _ in range(count)]
    before = peak_mib()
    method = kind().train()
    cpu, wall = [], []
    for _ in range(rounds + 1):
        began = time.process_time(), time.perf_counter()
        leaves = [x.detach().requires_grad_(n < kind.online) for n, x in enumerate(features)]
        method.zero_grad(set_to_none=True)
        method(leaves).backward()
        method.after_update()
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
    return {"cpu": cpu[1:], "wall": wall[1:], "mib": peak_mib() - before}


def ours(framework, args):
    library = args.target / f"libssl_{framework}.so"
    batch = str(BATCH.get(framework, 256))
    command = [args.target / "examples/pretext_cost", library, framework, batch, str(args.rounds)]
    return measured(command, args.threads)


def theirs(framework, args, allocator):
    command = [sys.executable, __file__, "--one", framework, "--rounds", str(args.rounds), "--threads", str(args.threads)]
    return measured(command, args.threads, allocator)


def measured(command, threads, extra=None):
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | (extra or {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def compare(framework, args, allocator):
    times, memory, own, other = [], [], [], []
    for _ in range(args.turns):
        a, b = ours(framework, args), theirs(framework, args, allocator)
        own.append(statistics.median(a["cpu"]))
        other.append(statistics.median(b["cpu"]))
        times.append(own[-1] / other[-1])
        memory.append((a["mib"], b["mib"]))
    mib = [statistics.median(side) for side in zip(*memory)]
    print(
        f"| {framework} | {statistics.median(own):.2f} s | {statistics.median(other):.2f} s | {spread(times, 2)} "
        f"| {mib[0]:.0f} | {mib[1]:.0f} |",
        flush=True,
    )
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frameworks", nargs="*", default=FRAMEWORKS)
    parser.add_argument("--rounds", type=int, default=5, help="steps that count, in each process")
    parser.add_argument("--turns", type=int, default=3, help="processes of each side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--target", type=Path, default=ROOT / "target/release")
    parser.add_argument("--same-allocator", action="store_true", help="PyTorch with the allocator settings of a cell")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(step_cost(args.one, args.rounds, args.threads)))
        return
    allocator = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1"} if args.same_allocator else {}
    print("| framework | here | PyTorch | ratio | MiB here | MiB PyTorch |\n|---|---|---|---|---|---|")
    ratios = [compare(framework, args, allocator) for framework in args.frameworks]
    print(f"\nmedian of the ratios: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()

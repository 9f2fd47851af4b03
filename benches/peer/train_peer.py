"""Trains eight frameworks with lightly's losses and heads as `bench/peer.toml` says, and compares.

    export SSL_LOTTERY_DATA=FOLDER
    target/release/ssl-lottery run bench/peer.toml --out results/peer
    python benches/peer/train_peer.py --runs results/peer-lightly --ledger results/peer

Needs torch 2.9.0, torchvision 0.24.0, lightly 1.6.0 and numpy; lightly's losses need none of its
other dependencies (`pip install --no-deps lightly`). Each finished run is a JSON file in `--runs`
and is not done again while the settings stay the same. `--table` only compares; `--vectors` checks one
step of each framework against the golden vectors, without data.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from train.settings import Bench, Fault

ROOT = Path(__file__).resolve().parents[2]


def progress(label):
    """Prints a line every ten seconds."""
    last = time.monotonic()

    def tell(step, total, loss):
        nonlocal last
        if time.monotonic() - last > 10 or step == total:
            last = time.monotonic()
            print(f"{label}: step {step} of {total}, loss {loss:.4f}", file=sys.stderr, flush=True)

    return tell


def train(args, bench):
    from train.session import run

    args.runs.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds or bench.seeds:
        for framework in args.frameworks or bench.frameworks:
            path = args.runs / f"{framework}-{seed}.json"
            if path.exists() and json.loads(path.read_text())["settings"] == bench.digest(framework):
                continue
            result = run(framework, seed, bench, progress(f"{framework}-{seed}"))
            part = path.with_suffix(".part")
            part.write_text(json.dumps(result, indent=1))
            part.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "bench/peer.toml")
    parser.add_argument("--runs", type=Path, default=ROOT / "results/peer-lightly")
    parser.add_argument("--ledger", type=Path, help="folder of `ssl-lottery run`, for the table")
    parser.add_argument("--frameworks", nargs="*", help="default: the benchmark's")
    parser.add_argument("--seeds", nargs="*", type=int, help="default: the benchmark's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vectors", nargs="?", type=Path, const=ROOT / "tests/golden", help="folder of golden vectors")
    parser.add_argument("--table", action="store_true", help="train nothing")
    args = parser.parse_args()
    bench = Bench(args.bench)
    try:
        if not args.table:
            import torch

            torch.set_num_threads(args.threads)
        if args.vectors:
            from train.vectors import table

            print("\n".join(table(args.vectors)))
        elif not args.table:
            train(args, bench)
    except ImportError as error:
        raise Fault(f"expected torch, torchvision and lightly (see `--help`): {error}") from None
    if args.ledger:
        from train.compare import of_ledger, of_runs, table

        print("\n".join(table(bench, of_ledger(args.ledger, bench), of_runs(args.runs, bench))))


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(f"error: {fault}")

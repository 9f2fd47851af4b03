"""What running a framework in a worker costs, beside the same computation in plain PyTorch.

    PYTHONPATH=plugin-api/python python benches/peer/python_peer.py [--lightly]

Stands in for the library: shared memory, socket and messages are those of a run, in one process more. Prints the round
trip of a step that computes next to nothing, with 2 x 256 x 2048 features, and the ratio of processor time of a SimCLR
step (a head of 2048, 2048, 128) in a worker and in plain PyTorch; medians of alternating rounds.
"""

import argparse
import importlib
import json
import mmap
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import ssl_lottery as ssl

BATCH, DIM = 256, 2048
BOOT = Path(__file__).resolve().parents[2] / "plugin-api/python/src/boot.py"


class Idle(ssl.Framework):
    """Computes next to nothing."""

    id, name, paper, year = "idle", "Idle", "none", 2026

    def build(self, context):
        self.scale = nn.Parameter(torch.ones(1))

    def loss(self, step, features):
        return self.scale.sum() * (features.online(0)[0, 0] + features.online(1)[0, 0])


class SimCLR(ssl.Framework):
    """A projector and NT-Xent; lightly's with SSL_BENCH_LIGHTLY."""

    id, name, paper, year = "bench-simclr", "SimCLR", "arXiv:2002.05709", 2020

    def build(self, context):
        if os.environ.get("SSL_BENCH_LIGHTLY"):
            heads = importlib.import_module("lightly.models.modules.heads")
            self.projector = heads.SimCLRProjectionHead(context.dim, 2048, 128)
            self.criterion = importlib.import_module("lightly.loss").NTXentLoss(0.5)
        else:
            self.projector = nn.Sequential(
                nn.Linear(context.dim, 2048, bias=False), nn.BatchNorm1d(2048), nn.ReLU(), nn.Linear(2048, 128)
            )
            self.criterion = nt_xent

    def loss(self, step, features):
        z_0, z_1 = self.projector(torch.cat(features.all_online())).chunk(2)
        return self.criterion(z_0, z_1)


def nt_xent(z_0, z_1):
    z = F.normalize(torch.cat([z_0, z_1]), dim=1)
    logits = (z @ z.T / 0.5).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
    return F.cross_entropy(logits, (torch.arange(len(z)) + len(z_0)) % len(z))


class Host:
    """The library's side."""

    def __init__(self, name):
        self.memory = os.memfd_create("bench")
        self.end, theirs = socket.socketpair()
        crash = os.memfd_create("crash")
        fds = [theirs.fileno(), self.memory, crash]
        environment = {**os.environ, "SSL_LOTTERY_FRAMEWORKS": f"python_peer:{name}", "PYTHONPATH": paths()}
        arguments = [sys.executable, "-c", BOOT.read_text(), *map(str, fds), str(os.getpid())]
        self.process = subprocess.Popen(arguments, pass_fds=fds, env=environment)
        theirs.close()
        self.length, self.region, self.room = 0, None, None
        self.read(), self.read()
        self.ask(op="find", only=None)
        dims = [{"level": "pooled", "dim": DIM}]
        run = {
            "features": dims, "samples": 4096, "batch_size": BATCH, "steps_per_epoch": 16, "epochs": 1,
            "world_size": 1, "rank": 0, "device": "cpu", "seed": 1,
        }  # fmt: skip
        framework = Idle.id if name == "Idle" else SimCLR.id
        self.parameters = self.ask(op="create", id=framework, config={}, run=run)["parameters"]
        self.features = [torch.randn(BATCH, DIM) for _ in range(2)]

    def take(self, length):
        length = -(-length // 65536) * 65536
        at, self.length = self.length, self.length + length
        os.ftruncate(self.memory, self.length)
        return [at, length]

    def tell(self, message):
        body = json.dumps(message).encode()
        self.end.sendall(struct.pack("<I", len(body)) + body)

    def read(self):
        (length,) = struct.unpack("<I", self.end.recv(4, socket.MSG_WAITALL))
        return json.loads(self.end.recv(length, socket.MSG_WAITALL))

    def ask(self, **request):
        self.tell(request)
        while "call" in (said := self.read()):
            self.tell({"region": self.take(said["bytes"])})
        if "fault" in said:
            raise SystemExit(said["fault"]["text"])
        return said

    def step(self, number):
        """Copies the features in, asks for the step, looks at a number of each gradient."""
        if self.room is None:
            shapes = [[BATCH, DIM]] * 4 + [it["shape"] for it in self.parameters]
            places = [0]
            for shape in [[BATCH], *shapes]:
                count = 1
                for size in shape:
                    count *= size
                places.append(places[-1] + -(-count * 8 // 64) * 64)
            region = self.take(places[-1])
            self.room = mmap.mmap(self.memory, region[1], offset=region[0])
            spec = lambda at, shape, kind="f32": {"region": region, "at": at, "dtype": kind, "shape": shape}
            specs = [spec(at, shape) for at, shape in zip(places[1:], shapes)]
            self.inputs = [torch.frombuffer(self.room, dtype=torch.float32, count=BATCH * DIM, offset=it["at"]) for it in specs[:2]]
            self.request = {
                "indices": spec(0, [BATCH], "i64"),
                "features": [{**it, "encoder": "online", "view": view, "level": "pooled"} for view, it in enumerate(specs[:2])],
                "feature_grads": specs[2:4],
                "param_grads": specs[4:],
            }  # fmt: skip
        for place, feature in zip(self.inputs, self.features):
            place.copy_(feature.view(-1))
        return self.ask(op="step", at=[0, 1, number, 16, 1], **self.request)["loss"]

    def spent(self):
        """Processor seconds of the worker."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.end.close()
        self.process.wait()


def paths():
    here = Path(__file__).resolve().parent
    return os.pathsep.join([str(here), *filter(None, sys.path)])


def own_time():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def round_trip(steps):
    host = Host("Idle")
    for number in range(10):
        host.step(number)
    times = []
    for number in range(steps):
        start = time.perf_counter()
        host.step(number)
        times.append(time.perf_counter() - start)
    host.close()
    return times


def ratio(rounds, steps):
    """Processor time of worker and library's side together over that of plain PyTorch, round by round."""
    host = Host("SimCLR")
    plain = SimCLR({})
    torch.manual_seed(0)
    plain.build(type("Context", (), {"dim": DIM}))
    views = [it.clone() for it in host.features]
    found = []
    for _ in range(rounds + 1):
        start = own_time()
        for number in range(steps):
            for parameter in plain.parameters():
                parameter.grad = None
            leaves = {("online", v, "pooled"): it.detach().requires_grad_() for v, it in enumerate(views)}
            loss = plain.loss(None, ssl.Features(torch.arange(BATCH), leaves))
            loss.backward()
            float(loss.detach())
        own = own_time() - start
        start, before = own_time(), host.spent()
        for number in range(steps):
            host.step(number)
        found.append((own_time() - start + host.spent() - before) / own)
    host.close()
    return found[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lightly", action="store_true", help="lightly's head and loss")
    parser.add_argument("--steps", type=int, default=40, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if args.lightly:
        os.environ["SSL_BENCH_LIGHTLY"] = "1"
    torch.set_num_threads(1)
    times = round_trip(10 * args.steps)
    print(f"round trip: median {1e3 * statistics.median(times):.2f} ms, least {1e3 * min(times):.2f} ms")
    ratios = ratio(args.rounds, args.steps)
    print(f"processor time over plain PyTorch: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()

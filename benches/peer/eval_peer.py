"""Compares the evaluation's speed with faiss and PyTorch on the same machine, in the same run.

    cargo build --release -p ssl-host --example eval_speed
    python benches/peer/eval_peer.py knn
    python benches/peer/eval_peer.py linear
    python benches/peer/eval_peer.py extract
    python benches/peer/eval_peer.py bank --folder DIR
    python benches/peer/eval_peer.py agree --cifar DIR

Needs torch, torchvision, numpy, faiss-cpu and, for `agree`, scikit-learn. Every program gets the same
number of threads. Programs take turns, and their processor time is compared, so that a busy machine
is unkind to all alike; the figures are medians over `--repeat` rounds.
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/examples/eval_speed"


def write(path, name, array):
    kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
    header = {name: {"dtype": kind, "shape": list(array.shape), "data_offsets": [0, array.nbytes]}}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little"))
        file.write(head)
        array.tofile(file)


def features(rng, n, dim, centres):
    """Clusters of rectified features, as a trained backbone's pooled output looks."""
    labels = rng.integers(0, len(centres), n)
    noise = rng.standard_normal((n, dim), dtype=np.float32)
    return np.maximum(centres[labels] + noise, 0).astype(np.float32), labels


def ours(folder, threads, *args):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    done = subprocess.run([PROGRAM, *map(str, args)], env=env, check=True, capture_output=True)
    return json.loads(done.stdout)


def weighted_vote(similarity, index, labels, classes):
    weights = torch.exp(similarity.double() / 0.07)
    votes = torch.zeros(len(similarity), classes, dtype=torch.double)
    votes.scatter_add_(1, labels[index], weights)
    return votes.argmax(1)


def torch_knn(bank, queries, labels, classes, k):
    bank, queries = torch.from_numpy(bank), torch.from_numpy(queries)
    start = time.process_time()
    bank, queries = F.normalize(bank), F.normalize(queries)
    found = []
    for block in queries.split(1000):
        similarity, index = (block @ bank.T).topk(k)
        found.append(weighted_vote(similarity, index, labels, classes))
    return time.process_time() - start, torch.cat(found)


def faiss_knn(bank, queries, labels, classes, k):
    import faiss

    bank, queries = bank.copy(), queries.copy()
    start = time.process_time()
    faiss.normalize_L2(bank)
    faiss.normalize_L2(queries)
    index = faiss.IndexFlatIP(bank.shape[1])
    index.add(bank)
    similarity, neighbours = index.search(queries, k)
    found = weighted_vote(torch.from_numpy(similarity), torch.from_numpy(neighbours), labels, classes)
    return time.process_time() - start, found


def knn(args):
    import faiss

    faiss.omp_set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    classes = 100
    centres = rng.standard_normal((classes, args.dim), dtype=np.float32) * 0.3
    bank, labels = features(rng, args.bank, args.dim, centres)
    queries, _ = features(rng, args.queries, args.dim, centres)
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/bank.safetensors", "features", bank)
        write(f"{folder}/queries.safetensors", "features", queries)
        write(f"{folder}/labels.safetensors", "labels", labels)
        target = torch.from_numpy(labels)
        rows = {"ours": [], "faiss": [], "torch": []}
        for _ in range(args.repeat):
            result = ours(folder, args.threads, "knn", folder, args.k)
            rows["ours"].append(result["cpu_s"])
            mine = torch.tensor(result.pop("predictions"))
            print("ours", result)
            for name, run in [("faiss", faiss_knn), ("torch", torch_knn)]:
                seconds, found = run(bank, queries, target, classes, args.k)
                rows[name].append(seconds)
                print(name, f"{seconds:.2f} s, {int((found != mine).sum())} other predictions")
    report(rows)


def torch_linear(features, labels, classes, epochs, lr, batch=256):
    features, labels = torch.from_numpy(features), torch.from_numpy(labels)
    head = torch.nn.Linear(features.shape[1], classes)
    optimizer = torch.optim.SGD(head.parameters(), lr, momentum=0.9)
    start = time.process_time()
    for _ in range(epochs):
        for rows in torch.randperm(len(features)).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(head(features[rows]), labels[rows]).backward()
            optimizer.step()
    return time.process_time() - start


def linear(args):
    rng = np.random.default_rng(0)
    classes = 100
    centres = rng.standard_normal((classes, args.dim), dtype=np.float32) * 0.3
    bank, labels = features(rng, args.bank, args.dim, centres)
    rows = {"ours, one rate": [], "ours, 13 rates": [], "torch, one rate": []}
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/bank.safetensors", "features", bank)
        write(f"{folder}/labels.safetensors", "labels", labels)
        for _ in range(args.repeat):
            result = ours(folder, args.threads, "linear", folder, classes, args.epochs)
            print(result)
            rows["ours, one rate"].append(result["one_cpu_s"])
            rows["ours, 13 rates"].append(result["all_cpu_s"])
            rows["torch, one rate"].append(torch_linear(bank, labels, classes, args.epochs, 0.1))
    report(rows)


def folded(model):
    """Batch norm folded into the convolutions, channels last: PyTorch's fastest plain form."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    model = model.eval()
    for module in list(model.modules()):
        names = dict(module.named_children())
        pairs = [(f"conv{n}", f"bn{n}") for n in (1, 2, 3)] + [("0", "1")]
        for conv, norm in pairs:
            if isinstance(names.get(norm), torch.nn.BatchNorm2d):
                setattr(module, conv, fuse_conv_bn_eval(names[conv], names[norm]))
                setattr(module, norm, torch.nn.Identity())
    return model.to(memory_format=torch.channels_last)


def extract(args):
    """ResNet-50 at 224: the same weights and images, features compared, then times."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet50()
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                tensor.normal_(0, 0.1)
    images = torch.randn(args.images, 3, 224, 224)
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    expected = model.eval()(images[:8]).detach()
    fast = folded(model)
    rows = {"ours": [], "torch": []}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        write_many(f"{folder}/backbone.safetensors", {k: v.numpy() for k, v in state.items()})
        write(f"{folder}/images.safetensors", "images", images.numpy())
        for _ in range(args.repeat):
            result = ours(folder, args.threads, "extract", folder, args.batch)
            rows["ours"].append(result["cpu_s"])
            laid_out = images.contiguous(memory_format=torch.channels_last)
            fast(laid_out[: args.batch])
            start = time.process_time()
            parts = [fast(part) for part in images.split(args.batch)]
            rows["torch"].append(time.process_time() - start)
            print(result, f"torch {rows['torch'][-1]:.2f} s")
        mine = read(f"{folder}/features.safetensors")
        theirs = torch.cat(parts).numpy()
    for name, other in [("plain", expected.numpy()), ("folded", theirs)]:
        error = np.abs(mine[: len(other)] - other).max() / np.abs(other).max()
        print(f"largest difference from torchvision's {name} network: {error:.1e} of the largest value")
    report(rows)


def bank(args):
    rows = args.bank if args.bank != 50_000 else 1_281_167
    queries = 500 if args.queries == 10_000 else args.queries
    print(ours(args.folder, args.threads, "bank", args.folder, rows, 2048, queries))


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        entry = header["features"]
        kind = {"F32": np.float32, "F16": np.float16}[entry["dtype"]]
        return np.frombuffer(file.read(), kind).reshape(entry["shape"])


def write_many(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        spot = [offset, offset + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": spot}
        offset += array.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())


BENCH = """
frameworks = ["simclr"]
baselines = []
[backbone]
depth = "resnet18"
stem = "cifar"
width = 0.25
[pretrain.recipe]
epochs = 3
batch_size = 64
optimizer = {{ kind = "adamw", betas = [0.9, 0.999], eps = 1e-8 }}
lr = 2e-3
scaling = "none"
weight_decay = 1e-4
warmup_epochs = 1
[framework.simclr]
config = {{ temperature = 0.5, projector_hidden_dim = 256 }}
[data]
train = {{ name = "train", kind = "cifar10", files = {train} }}
test = [{{ name = "val", kind = "cifar10", files = {val} }}, {{ name = "v2", kind = "cifar10", files = {v2} }}]
[views]
size = 32
tuning = {{ drop_blur = true, min_area = 0.2 }}
[evaluate]
transform = "whole"
protocols = ["knn", "linear"]
"""


def brute_force(bank, queries, labels, classes, k):
    """Cosines in float64 rounded to float32, neighbours and votes sorted: no shortcut anywhere."""
    unit = lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    bank, found = unit(bank.astype(np.float64)), []
    for query in unit(queries.astype(np.float64)):
        similarity = (bank @ query).astype(np.float32)
        order = np.lexsort((np.arange(len(bank)), -similarity))[:k]
        votes = np.zeros(classes)
        for index in order:
            votes[labels[index]] += np.exp(float(similarity[index]) / 0.07)
        found.append(int(votes.argmax()))
    return found


def agree(args):
    """Against scikit-learn and a brute force, on features of CIFAR-10 images after three epochs of SimCLR."""
    from sklearn.linear_model import LogisticRegression

    names = {
        "train": ["data_batch_1.bin", "data_batch_2.bin"],
        "val": ["test_batch_1.bin"],
        "v2": ["test_batch_2_jpegdecoded.bin"],
    }
    files = {part: [str(Path(args.cifar) / name) for name in list_] for part, list_ in names.items()}
    labels = {
        part: np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 3073)[:, 0] for f in list_])
        for part, list_ in files.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = BENCH.format(**{part: json.dumps(list_) for part, list_ in files.items()})
        Path(f"{folder}/bench.toml").write_text(bench)
        program = ROOT / "target/release/ssl-lottery"
        subprocess.run([program, "run", f"{folder}/bench.toml", "--out", f"{folder}/out"], check=True)
        kept = {path: read(path) for path in Path(f"{folder}/out/features").glob("*.safetensors")}
        train = next(f for f in kept.values() if len(f) == len(labels["train"]))
        tests = [f for f in kept.values() if len(f) == len(labels["val"])]
        record = json.loads(next(Path(f"{folder}/out/cells").glob("*/cell.json")).read_text())
        linear = [e for e in record["results"]["report"]["evaluations"] if e["protocol"]["id"] == "linear-shared-cached"]

        # Half of the rows once more, at the end and with other labels, so that there are ties.
        bank = np.concatenate([train, train[::2]])
        marks = np.concatenate([labels["train"], (labels["train"][::2] + 1) % 10]).astype(np.int64)
        write(f"{folder}/bank.safetensors", "features", np.ascontiguousarray(bank))
        write(f"{folder}/queries.safetensors", "features", np.ascontiguousarray(tests[0]))
        write(f"{folder}/labels.safetensors", "labels", marks)
        for k in (1, 20, 200):
            found = ours(folder, args.threads, "knn", folder, k)["predictions"]
            other = brute_force(bank, tests[0], marks, 10, k)
            print(f"k = {k}: {sum(a != b for a, b in zip(found, other))} of {len(found)} predictions differ")

    # The same features, as they are; C chosen on a held-out tenth, as the learning rate is.
    cut = len(train) * 9 // 10
    held = {}
    for c in (1e-3, 1e-2, 1e-1, 1.0, 10.0):
        model = LogisticRegression(C=c, max_iter=2000).fit(train[:cut], labels["train"][:cut])
        held[c] = model.score(train[cut:], labels["train"][cut:])
    best = max(held, key=held.get)
    model = LogisticRegression(C=best, max_iter=2000).fit(train, labels["train"])
    # A set's own labels fit its features; the other's fit by chance.
    pair = lambda a, b: 100 * (model.score(a, labels["val"]) + model.score(b, labels["v2"])) / 2
    theirs = max(pair(*tests), pair(*tests[::-1]))
    seeds = {}
    for e in linear:
        seeds.setdefault(e["variant"]["seed"], []).append(100 * e["correct"] / e["n"])
    ours_ = [np.mean(accuracies) for accuracies in seeds.values()]
    print(f"linear, mean of both test sets: {', '.join(f'{a:.2f}' for a in ours_)} % (three seeds), "
          f"scikit-learn (C = {best}): {theirs:.2f} %")


def report(rows):
    """Medians over the rounds; ratios are taken round by round, so that a slow one is slow for all."""
    first = next(iter(rows.values()))
    print("\n| | seconds of the processor | the first, of this |\n|---|---|---|")
    for name, seconds in rows.items():
        ratios = sorted(a / b for a, b in zip(first, seconds))
        middle = f"{np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"| {name} | {np.median(seconds):.2f} | {middle} |")


PARTS = {"knn": knn, "linear": linear, "extract": extract, "bank": bank, "agree": agree}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(PARTS))
    parser.add_argument("--bank", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--dim", type=int)
    parser.add_argument("--k", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--cifar", default=".")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    args.dim = args.dim or {"knn": 512}.get(args.what, 2048)
    torch.set_num_threads(args.threads)
    PARTS[args.what](args)


if __name__ == "__main__":
    main()

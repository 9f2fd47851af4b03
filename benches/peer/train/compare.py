"""Both sides' accuracies as a table."""

import json
import math
from pathlib import Path

from .settings import Fault

NAMES = {
    "simclr": "SimCLR", "moco": "MoCo v2", "byol": "BYOL", "simsiam": "SimSiam",
    "swav": "SwAV", "dino": "DINO", "barlow": "Barlow Twins", "vicreg": "VICReg",
}  # fmt: skip


def of_ledger(folder, bench):
    """kNN accuracy in percent and last epoch's mean loss of the finished cells, by framework and seed."""
    if not Path(folder, "cells").is_dir():
        raise Fault(f"expected a ledger of `ssl-lottery run` in {folder}, found no folder `cells`")
    found = {}
    for path in sorted(Path(folder, "cells").glob("*/cell.json")):
        cell = json.loads(path.read_text())
        subject = cell["config"]["subject"]
        framework = subject.get("id")
        if cell["status"] != "done" or framework not in bench.frameworks or not same(cell["config"], bench):
            continue
        for score in cell["results"]["report"]["evaluations"]:
            if score["dataset"] == "val" and score["variant"].get("k") == bench.knn["k"][0]:
                accuracy = 100 * score["correct"] / score["n"]
                found[framework, cell["seed"]] = accuracy, cell["results"]["pretrain"]["loss"]
    return found


def same(config, bench):
    """Whether a cell has the benchmark's data, recipe and framework settings; more may be set."""
    subject = config["subject"]
    wanted = {**bench.recipe(subject["id"]), **bench.config(subject["id"])}
    actual = {**subject["recipe"], **subject["config"]}
    # Keys with inner defaults are the host's to fill in.
    plain = [key for key in wanted if not isinstance(wanted[key], dict)]
    data = config["train"]["files"] == bench.table["data"]["train"]["files"]
    return data and config["views"]["size"] == bench.size and all(actual.get(key) == wanted[key] for key in plain)


def of_runs(folder, bench):
    """The same of this side's finished runs with the present settings."""
    found = {}
    for path in sorted(Path(folder).glob("*.json")):
        run = json.loads(path.read_text())
        framework = run["framework"]
        if framework in bench.frameworks and run["settings"] == bench.digest(framework):
            last = run["losses"][-(len(run["losses"]) // bench.recipe(framework)["epochs"]) :]
            found[framework, run["seed"]] = 100 * run["correct"] / run["n"], sum(last) / len(last)
    return found


def mean(values):
    """Mean and its standard error, which needs two values."""
    centre = sum(values) / len(values)
    if len(values) < 2:
        return centre, math.nan
    spread = sum((value - centre) ** 2 for value in values) / (len(values) - 1)
    return centre, math.sqrt(spread / len(values))


def plus_minus(value, error, digits, sign=""):
    text = f"{value:{sign}.{digits}f}"
    return text if math.isnan(error) else f"{text} ± {error:.{digits}f}"


def table(bench, ours, theirs):
    """Lines of Markdown: a framework each, over the seeds that both sides have finished."""
    lines = [
        "| framework | seeds | ours | lightly | difference | z | last epoch's loss, ours | lightly |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for framework in bench.frameworks:
        seeds = [seed for seed in bench.seeds if (framework, seed) in ours and (framework, seed) in theirs]
        if not seeds:
            continue
        (a, loss_a), (b, loss_b) = (
            [mean(column) for column in zip(*(side[framework, seed] for seed in seeds))] for side in (ours, theirs)
        )
        error = math.hypot(a[1], b[1])
        z = f"{(a[0] - b[0]) / error:+.1f}" if error > 0 else "–"
        cells = [
            NAMES[framework],
            ", ".join(map(str, seeds)),
            plus_minus(*a, 1),
            plus_minus(*b, 1),
            plus_minus(a[0] - b[0], error, 1, "+"),
            z,
            plus_minus(*loss_a, 3),
            plus_minus(*loss_b, 3),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines

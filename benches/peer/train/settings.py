"""What `bench/peer.toml` says, and faults in one line."""

import hashlib
import json
import os
import tomllib
from pathlib import Path


class Fault(Exception):
    """Something the user can put right; its text is the whole message."""


class Config(dict):
    """A framework's `config`, which has to name every value that is used."""

    def __missing__(self, key):
        raise Fault(f"`{key}`: expected in the framework's config in the benchmark, found nothing")


class Bench:
    """The benchmark file."""

    def __init__(self, path):
        try:
            self.table = tomllib.loads(Path(path).read_text())
        except OSError as error:
            raise Fault(f"failed to read the benchmark: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise Fault(f"{path}: expected TOML: {error}") from None
        self.frameworks = self.table["frameworks"]
        self.seeds = self.table["seeds"]
        self.size = self.table["views"]["size"]
        self.tuning = self.table["views"]["tuning"]
        self.knn = self.table["evaluate"]["knn"]
        backbone = self.table["backbone"]
        if (backbone["depth"], backbone["stem"]) != ("resnet18", "cifar"):
            raise Fault(f"expected a resnet18 with the cifar stem, found {backbone}")
        self.width = backbone["width"]

    def config(self, framework):
        return Config(self.table["framework"][framework]["config"])

    def recipe(self, framework):
        """The common recipe with the framework's own departures."""
        recipe = {**self.table["pretrain"]["recipe"], **self.table["framework"][framework].get("recipe", {})}
        for key, expected in (("scaling", "none"), ("decay", {"kind": "cosine", "end_fraction": 0.0, "per": "step"})):
            if recipe[key] != expected:
                raise Fault(f"`{key}`: expected {expected}, found {recipe[key]}")
        if recipe["optimizer"]["kind"] != "adamw":
            raise Fault(f"`optimizer`: expected adamw, found {recipe['optimizer']}")
        return recipe

    def files(self, part):
        """Absolute paths of the training (`train`) or test set (`test`)."""
        folder = os.environ.get("SSL_LOTTERY_DATA")
        if not folder:
            raise Fault("SSL_LOTTERY_DATA: expected the data folder, found nothing")
        data = self.table["data"]
        names = data["train"]["files"] if part == "train" else data["test"][0]["files"]
        paths = [Path(folder, name) for name in names]
        for path in paths:
            if not path.is_file():
                raise Fault(f"expected CIFAR-10 in {path}, found no such file (see docs/guide/data.md)")
        return paths

    def digest(self, framework):
        """Of all that a run depends on; another digest means another run."""
        table = self.table
        parts = [table[key] for key in ("backbone", "data", "views", "evaluate")]
        parts += [self.recipe(framework), self.config(framework)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

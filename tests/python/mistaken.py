"""A framework that makes the mistake that its configuration names."""

import ctypes
import os
import subprocess
import time

import torch
from torch import nn

import ssl_lottery as ssl


class Mistaken(ssl.Framework):
    id, name, paper, year = "mistaken", "Mistaken", "none", 2026
    mistake = ssl.Key("none", ssl.one_of("none", "raises", "shapes", "nan", "segfault", "exit", "hangs", "busy", "build", "child", "prints", "dtype", "config", "not-a-loss"), "The mistake.", "-")

    def check(self):
        if self.mistake == "config":
            raise ssl.ConfigFault("`mistake`: expected another one, found config")

    def build(self, context):
        if self.mistake == "build":
            raise RuntimeError("no luck\nin building")
        self.head = nn.Linear(context.dim, 4)
        if self.mistake == "dtype":
            self.head.double()

    def loss(self, step, features):
        z = self.head(features.online(0)) + self.head(features.online(1))
        if self.mistake == "raises":
            raise KeyError("lost")  # raises
        if self.mistake == "shapes":
            z @ z  # shapes
        if self.mistake == "nan":
            z = z * float("nan")
        if self.mistake == "segfault":
            ctypes.string_at(0)  # segfault
        if self.mistake == "exit":
            os._exit(3)
        if self.mistake == "hangs":
            time.sleep(1000)  # hangs
        if self.mistake == "busy":
            while True:  # busy
                pass
        if self.mistake == "child":
            self.child = subprocess.Popen(["sleep", "1000"])
        if self.mistake == "prints":
            print("words on standard output")
        if self.mistake == "not-a-loss":
            return z
        return z.square().mean()

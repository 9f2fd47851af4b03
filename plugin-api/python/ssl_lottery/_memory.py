"""The shared memory: regions of one memfd, which the library deals out, as tensors.

A region is used again when neither side refers to it. This side tells what it still refers to with every message: a
framework that keeps a feature over steps keeps its region.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ._wire import Wire

DTYPES: dict[str, torch.dtype] = {
    "f32": torch.float32,
    "f64": torch.float64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "u8": torch.uint8,
    "bool": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
#: Bytes that places in a region are a multiple of.
_ALIGN = 64
#: Regions in use from which on cycles are looked for that may hold them.
_MANY = 8

#: Region, place in it, element type, shape.
Spec = dict[str, Any]


def crossing(tensor: Tensor) -> Tensor:
    """The tensor, dense, in main memory and of a type that crosses: small whole numbers become int64."""
    tensor = tensor.detach().to("cpu")
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    return (tensor if tensor.dtype in _NAMES else tensor.to(torch.int64)).contiguous()


class Memory:
    """The regions as this process sees them."""

    def __init__(self, fd: int, wire: Wire) -> None:
        self._fd, self._wire = fd, wire
        self._maps: dict[int, mmap.mmap] = {}
        self._leases: dict[int, list[weakref.ref[Any]]] = {}

    def held(self) -> list[int]:
        """Regions that a tensor of this process lies in."""
        if len(self._leases) > _MANY:
            gc.collect()
        self._leases = {
            at: alive for at, leases in self._leases.items() if (alive := [it for it in leases if it() is not None])
        }
        return list(self._leases)

    def view(self, spec: Spec) -> Tensor:
        """The tensor at a place."""
        dtype, shape = DTYPES[spec["dtype"]], spec["shape"]
        count = 1
        for size in shape:
            count *= size
        if count == 0:
            return torch.empty(shape, dtype=dtype)
        region, length = spec["region"]
        found = self._maps.get(region)
        if found is None:
            found = self._maps[region] = mmap.mmap(self._fd, length, offset=region)
        # The tensor's memory refers to the lease for as long as anything refers to the tensor.
        lease = (ctypes.c_char * (count * dtype.itemsize)).from_buffer(found, spec["at"])
        self._leases.setdefault(region, []).append(weakref.ref(lease))
        return torch.frombuffer(lease, dtype=dtype, count=count).view(shape)

    def lay_out(self, tensors: Sequence[Tensor]) -> list[Spec]:
        """Places for tensors like these in one new region."""
        ends, end = [], 0
        for tensor in tensors:
            ends.append(end)
            end += -(-tensor.numel() * tensor.element_size() // _ALIGN) * _ALIGN
        if end == 0:
            return [_spec([0, 0], 0, it) for it in tensors]
        region = self._wire.call("memory", bytes=end)["region"]
        return [_spec(region, at, it) for at, it in zip(ends, tensors)]

    def put(self, tensors: Sequence[Tensor]) -> list[Spec]:
        """The tensors, copied into one new region, which is theirs until the next answer."""
        dense = [crossing(it) for it in tensors]
        specs = self.lay_out(dense)
        for spec, tensor in zip(specs, dense):
            self.view(spec).copy_(tensor)
        return specs


def _spec(region: list[int], at: int, tensor: Tensor) -> Spec:
    return {"region": region, "at": at, "dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape)}

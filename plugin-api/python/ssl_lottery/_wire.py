"""Messages between worker and library: four bytes of length, then JSON."""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any, Optional

from . import faults

if TYPE_CHECKING:
    from ._memory import Memory

Message = dict[str, Any]


class Wire:
    """This side of the socket."""

    memory: Memory

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def read(self) -> Optional[Message]:
        """The next message; nothing when the other side has gone."""
        head = self._bytes(4)
        body = head and self._bytes(struct.unpack("<I", head)[0])
        return json.loads(body) if body else None

    def write(self, message: Message) -> None:
        """Sends a message, with the regions that this side refers to."""
        held = self.memory.held() if hasattr(self, "memory") else []
        body = json.dumps({**message, "held": held}, allow_nan=False).encode()
        self._end.sendall(struct.pack("<I", len(body)) + body)

    def call(self, service: str, **arguments: Any) -> Message:
        """Asks the host for a service and waits for the answer.

        Raises:
            Fault: the host's.
        """
        self.write({"call": service, **arguments})
        answer = self.read()
        if answer is None:
            raise SystemExit(0)
        if "fault" in answer:
            raise faults.of_kind(answer["fault"]["kind"], answer["fault"]["text"])
        return answer

    def _bytes(self, count: int) -> Optional[bytes]:
        parts = bytearray()
        while len(parts) < count:
            part = self._end.recv(count - len(parts))
            if not part:
                return None
            parts += part
        return bytes(parts)

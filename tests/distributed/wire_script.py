"""Run inside a network namespace of its own: bytes on the loopback against our counters."""

import fcntl
import json
import socket
import struct
import sys

import wide

from course_lib.distributed import Ranks

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main():
    bring_loopback_up()
    results = {}
    for world_size in (2, 4):
        with Ranks(world_size, echo=False) as ranks:
            for stage in range(4):
                results[f"stage {stage}, {world_size} ranks"] = ranks.run(wide.wire, stage, {}, 4)
            results[f"stage 3 kept, {world_size} ranks"] = ranks.run(
                wide.wire, 3, {"reshard_after_forward": False}, 4
            )
    json.dump({name: result[0] for name, result in results.items()}, sys.stdout)


if __name__ == "__main__":
    main()

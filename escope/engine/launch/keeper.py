"""The keeper: parent of a program in a live session, so that the program outlives the player.

It holds the terminal open beside the player.  While the player is there it only waits; when the player has
gone it reads and drops what the program writes, which would otherwise block, or die of a hang-up.  It is
also the one that learns the program's exit status, and tells it through the control page.

Arguments: PART MASTER SLAVE SOCKET COMMAND…, the middle three being file descriptors.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys

from escope.storage.control import Control


def main() -> int:
    """Run the program to its end; return 0, or 1 if it could not be started."""
    part, command = sys.argv[1], sys.argv[5:]
    master, slave, number = (int(word) for word in sys.argv[2:5])
    player = socket.socket(fileno=number)
    control = Control.attach(f"{part}/control")
    # The collector waits for the one who knows the exit status.
    control.launcher_pid = os.getpid()
    try:
        program = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
    except OSError as error:
        _tell(player, {"error": error.strerror})
        return 1
    os.close(slave)
    _tell(player, {"pid": program.pid})
    _attend(program, player, master)
    control.set_exit(program.wait())
    control.stop_request = 1
    return 0


def _attend(program: subprocess.Popen[bytes], player: socket.socket, master: int) -> None:
    """Return when the program has ended; from the player's end on, drain the terminal."""
    with selectors.DefaultSelector() as selector:
        ended = os.pidfd_open(program.pid)
        selector.register(ended, selectors.EVENT_READ)
        selector.register(player, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if player in ready and not _hear(player):
                selector.unregister(player)
                selector.register(master, selectors.EVENT_READ)
            if master in ready and not _drain(master):
                selector.unregister(master)
            if ended in ready:
                os.close(ended)
                return


def _hear(player: socket.socket) -> bytes:
    try:
        return player.recv(4096)
    except OSError:
        return b""


def _drain(master: int) -> bytes:
    try:
        return os.read(master, 65_536)
    except OSError:
        return b""  # nobody has the terminal open any more


def _tell(player: socket.socket, fact: dict[str, object]) -> None:
    try:
        player.sendall(json.dumps(fact).encode() + b"\n")
    except OSError:
        pass  # the player has gone


if __name__ == "__main__":
    sys.exit(main())

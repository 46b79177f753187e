# Memory that no limit of address space counts: full sockets, pipes, and epolls on each other.
import os, select, socket
held = []
def solve(n):
    try:
        while True:
            for end in socket.socketpair():
                end.setblocking(False)
                held.append(end)
    except OSError:
        pass
    for end in held:
        try:
            while end.send(b"x" * 65536):
                pass
        except OSError:
            pass
    return 0

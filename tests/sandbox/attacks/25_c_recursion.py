# Recursion in C code, while the answer is encoded and while the exception is described.
import functools
class Deep:
    def __init__(self, inner): self.inner = inner
    def __repr__(self): return repr(self.inner)
value = []
for _ in range(100_000):
    value = [value]
for _ in range(100_000):
    value = Deep(value)
@functools.lru_cache(None)
def spin(n): return spin(n + 1)
class Bad(Exception):
    def __str__(self): return str(spin(0))
def solve(n):
    if n == 2:
        raise Bad(value)
    return value

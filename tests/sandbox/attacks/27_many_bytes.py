# The largest values that travel, for a test that keeps them all.
hello()
while True:
    send({"s": receive()["s"], "v": [[1.5] * 400_000, [[] for _ in range(500_000)]]})

# Values that are small on the wire and enormous in the hands of a test.
hello()
while True:
    send({"s": receive()["s"], "v": {"$range": [0, 1 << 200, 1]}})

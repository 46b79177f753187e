# Replies that are several things at once.
hello()
while True:
    ask = receive()
    send({"s": ask["s"], "h": 1, "c": 1, "w": 1, "v": {"$iter": [5]}, "m": {"0": 5}, "o": "passed", "i": 0, "end": 3, "begin": 3, "trace": {}})

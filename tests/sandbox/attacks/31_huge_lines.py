# Line numbers that no writer of JSON takes: whoever keeps the result must not fail.
hello()
while True:
    question = receive()
    send({"s": question["s"], "x": {"type": "ValueError", "msg": "m", "line": 10 ** 300, "frames": [[-10 ** 300, "f"], [1, "g"]]}})

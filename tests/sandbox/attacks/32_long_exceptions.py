# The longest exception that is kept, for every test: results of a hundred megabytes, or a report that has no room for verdicts.
hello()
while True:
    question = receive()
    send({"s": question["s"], "x": {"type": "V" * 1000, "msg": "m" * 1000, "line": 5, "frames": [[1, "\u2603" * 1000]] * 10}})

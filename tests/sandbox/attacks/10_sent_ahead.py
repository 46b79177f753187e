# Answers before the questions, in the same piece as the hello, with every kind of frame.
frames = [{"hello": 1, "names": ["solve"], "classes": {}}] + [{"s": i, "v": 5} for i in range(200)] + [{"end": 3}, {"i": 0, "o": "passed"}]
data = b"".join(len(b := json.dumps(f).encode()).to_bytes(4, "big") + b for f in frames)
os.write(CHANNEL, data)
while True:
    receive()

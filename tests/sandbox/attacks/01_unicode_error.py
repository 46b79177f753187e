# An exception whose text reads far outside its object: str() of it ends the judge by a segmentation fault.
hello()
while True:
    ask = receive()
    send({"s": ask["s"], "x": {"type": "UnicodeDecodeError", "msg": "x", "line": 1, "frames": [],
          "a": ["utf-8", {"$bytes": "eA=="}, -(1 << 40), -(1 << 40) + 1, "r"]}})

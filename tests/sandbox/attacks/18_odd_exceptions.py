# Exceptions that the judge itself uses, or that Python gives a meaning of its own.
hello()
kinds = ["Halt", "_Exit", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "AssertionError", "StopAsyncIteration", "BaseExceptionGroup",
         "SyntaxError", "RecursionError", "MemoryError", "NotPlain", "Warning", "type", "__import__", "\ud800"]
while True:
    ask = receive()
    kind = kinds[(os.getpid() + ask["a"][0]) % len(kinds)]
    send({"s": ask["s"], "x": {"type": kind, "msg": "\udfff" * 600, "line": 10**4000, "frames": [[10**4000, "\ud800"]] * 50,
          "a": [[[{"$opaque": "0", "type": "int"}]], {"$int": "f" * 8000}]}})

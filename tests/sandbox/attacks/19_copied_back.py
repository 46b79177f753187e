# Arguments copied back that the test did not ask for, or of another form, and the answer in them.
hello()
forms = [{"0": [1, 2, 3]}, [[1, 2, 3]], {"0": {"$range": [1, 4, 1]}}, {"0": {"$iter": [1, 2, 3]}}, {"0": {"$opaque": "[1, 2, 3]", "type": "list"}}, None]
while True:
    ask = receive()
    send({"s": ask["s"], "v": None, "m": forms[os.getpid() % len(forms)]})

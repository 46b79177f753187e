# Sequence numbers that are nearly right: other types, twice, other places, and values beside the right answer.
hello()
right = {2: 5, 3: 10, 10: 101}
forms = ['{"s":%d.0,"v":%d}', '{"s":"%d","v":%d}', '{"s":[%d],"v":%d}', '{"s":-%d,"v":%d}', '{"S":%d,"v":%d}', '{"s":true,"s":1%d,"v":%d}']
i = 0
while True:
    ask = receive()
    raw(forms[os.getpid() % len(forms)] % (ask["s"], right[ask["a"][0]]))
    i += 1

# Sets of sets whose members all have one hash: comparing them takes the square of the square.
PRIME = (1 << 61) - 1
def build(level, skip):
    if level == 0:
        return '{"$int":"%x"}' % (PRIME * (skip + 1 << 3))
    return '{"$frozenset":[%s]}' % ",".join(build(level - 1, i) for i in range(41) if i != skip)
value = build(3, 0)
hello()
while True:
    raw('{"s":%d,"v":%s}' % (receive()["s"], value))

# Traces that overflow the judge's report.
hello()
while True:
    ask = receive()
    if "trace" in ask:
        send({"s": ask["s"], "trace": {"lines": [], "blocks": ["x" * 7_900_000], "dropped": 0}})
    else:
        send({"s": ask["s"], "v": 0})

# As large a trace as is kept, for every case.
hello()
shot = {"visit": 1, "locals": {f"{k:02}" + "n" * 70: "v" * 80 for k in range(40)}}
trace = {"blocks": [{"id": k, "first_line": 1, "last_line": 1, "visits": 1, "snapshots": [shot]} for k in range(150)], "dropped": 0}
while True:
    question = receive()
    send({"s": question["s"], **({"trace": trace} if "trace" in question else {"v": 0})})

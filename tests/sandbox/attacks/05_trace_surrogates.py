# A trace that nobody can write down as JSON: lone surrogates, NaN, nesting, huge numbers.
hello()
while True:
    ask = receive()
    if "trace" in ask:
        raw('{"s":%d,"trace":{"lines":[NaN,1e999,"\\ud800",%s],"blocks":%s,"dropped":"\\udfff"}}' % (ask["s"], "9" * 4000, "[" * 400 + "]" * 400))
    else:
        send({"s": ask["s"], "v": 0})

# Set before attacks that speak the protocol themselves: the channel, and frames on it.
import json, os, stat, sys
def _is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
CHANNEL = next(fd for fd in range(3, 64) if _is_socket(fd))
os.set_blocking(CHANNEL, True)
def raw(text):
    body = text if isinstance(text, bytes) else text.encode()
    data = len(body).to_bytes(4, "big") + body
    while data:
        data = data[os.write(CHANNEL, data):]
def send(message):
    raw(json.dumps(message))
def exactly(count):
    data = b""
    while len(data) < count:
        piece = os.read(CHANNEL, count - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data
def receive():
    question = json.loads(exactly(int.from_bytes(exactly(4), "big")))
    if "end" in question:
        os._exit(0)
    return question
def hello(names=("solve",), **more):
    send({"hello": 1, "names": list(names), "classes": {}, **more})

# Answers from a signal handler, between and after the right ones, and a stop in the middle.
import signal
last = [0]
def ring(*_):
    for shift in (0, 1, -1):
        try:
            send({"s": last[0] + shift, "v": 101})
        except OSError:
            pass
    if last[0] & 1:
        os.kill(os.getpid(), signal.SIGSTOP)
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
hello()
while True:
    try:
        last[0] = receive()["s"]
        send({"s": last[0], "v": 0})
    except (ValueError, KeyError):
        os._exit(0)

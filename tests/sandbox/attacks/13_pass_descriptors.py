# Descriptors to the other side, or from it, over the channel.
import array, socket
def solve(n):
    channel = socket.socket(fileno=os.dup(CHANNEL))
    for act in (
        lambda: socket.send_fds(channel, [b"\0\0\0\2{}"], [0, 1, CHANNEL]), lambda: channel.recvmsg(10, 100), lambda: channel.send(b"x", socket.MSG_OOB),
        lambda: channel.sendto(b"x", "\0eudoxus"), lambda: channel.bind("\0eudoxus"), lambda: channel.listen(), lambda: channel.accept(),
        lambda: channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1), lambda: channel.getsockopt(socket.SOL_SOCKET, 77),
        lambda: channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12),
    ):
        try:
            act()
        except OSError:
            continue
        print("PWN" + "ED", act.__code__.co_names)
    return 0

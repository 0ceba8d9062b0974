#!/usr/bin/python3
"""Stands in for a service manager: runs a command with NOTIFY_SOCKET, keeps what it puts into the store of descriptors
(sd_notify(3), FDSTORE) and passes that to the next (sd_listen_fds(3)).

    manager.py SOCKET COMMAND...      then a word a line on standard input: stop, start, quit

Says on standard output what happens: "pid N", "ready", "kept NAME", "ended STATUS".
"""
import os
import select
import signal
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
kept = []
child = None


def say(*words):
    print(*words, flush=True)


def start():
    global child
    fds = list(kept)

    def before_exec():
        # They stand from 3 on: moved out of the way first, lest one overwrites another.
        high = [os.dup(fd) for fd in fds]
        while any(fd < 3 + len(fds) for fd in high):
            high = [os.dup(fd) for fd in high]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
        os.environ["LISTEN_PID"] = str(os.getpid())

    # os.environ is what exec is given: the pid is known only after fork.
    os.environ["NOTIFY_SOCKET"] = path
    os.environ["LISTEN_FDS"] = str(len(fds))
    os.environ["LISTEN_FDNAMES"] = ":".join(["p0f-client"] * len(fds))
    pid = os.fork()
    if pid == 0:
        before_exec()
        for fd in range(3 + len(fds), 256):
            try:
                os.close(fd)
            except OSError:
                pass
        os.execvp(command[0], command)
    child = pid
    say("pid", pid)


def hear():
    data, fds, _, _ = socket.recv_fds(notify, 4096, 16)
    for line in data.decode().split("\n"):
        if line == "READY=1":
            say("ready")
        elif line.startswith("FDNAME=") and "FDSTORE=1" in data.decode():
            for fd in fds:
                if not any(os.path.sameopenfile(fd, other) for other in kept):
                    kept.append(fd)
                say("kept", line[7:])


def stop(sig):
    global child
    os.kill(child, sig)
    while True:
        ready, _, _ = select.select([notify], [], [], 0.02)
        if ready:
            hear()
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
    while select.select([notify], [], [], 0)[0]:
        hear()
    # What has been hung up is dropped, as the manager does.
    poll = select.poll()
    for fd in kept:
        poll.register(fd, 0)
    for fd, events in poll.poll(0):
        if events & (select.POLLHUP | select.POLLERR):
            kept.remove(fd)
            os.close(fd)
    say("ended", status)
    child = None


def leave(number, frame):
    """Whoever runs this has given up: nothing of it stays."""
    if child:
        os.kill(child, signal.SIGKILL)
    os._exit(1)


signal.signal(signal.SIGTERM, leave)
start()
while True:
    ready, _, _ = select.select([notify, sys.stdin], [], [])
    if notify in ready:
        hear()
    if sys.stdin in ready:
        word = sys.stdin.readline().strip()
        if word == "stop":
            stop(signal.SIGTERM)
        elif word == "start":
            start()
        else:
            if child:
                stop(signal.SIGTERM)
            break

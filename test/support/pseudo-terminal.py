"""A program on a terminal of its own: its output is ours, and lines of JSON on our input are what a person does.

usage: pseudo-terminal.py <columns> <rows> <program> [argument ...]
{"write": "text"} types it; {"size": [columns, rows]} resizes the terminal; {"signal": 15} sends it a signal.
The end of our input is the end of the line: SIGHUP. Ends with the program's exit code, or 128 + the signal that ended it.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

columns, rows, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    # The size is set before anything of the program runs.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(program[0], program)


def resize(wide, high):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", high, wide, 0, 0))


waiting, asked = [terminal, 0], b""
while terminal in waiting:
    for ready in select.select(waiting, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b""
        if ready == terminal:
            if data == b"":
                waiting.remove(terminal)
            else:
                os.write(1, data)
        elif data == b"":
            # Nobody sits here any more.
            waiting.remove(0)
            os.kill(child, signal.SIGHUP)
        else:
            asked += data
            *lines, asked = asked.split(b"\n")
            for line in lines:
                wish = json.loads(line)
                if "write" in wish:
                    os.write(terminal, wish["write"].encode())
                if "size" in wish:
                    resize(*wish["size"])
                if "signal" in wish:
                    os.kill(child, wish["signal"])
status = os.waitpid(child, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))

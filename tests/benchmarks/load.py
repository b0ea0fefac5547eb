"""Load over HTTP/1.1 with kept connections: by wrk where there is one, else by a small client of our own."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Goes through the bodies in order, each of wrk's threads from a place of its own.
_SCRIPT = """
local bodies, paths, senders = {}, {}, {}
for line in io.lines(%s) do
  local path, token, body = line:match("([^\t]*)\t([^\t]*)\t(.*)")
  bodies[#bodies + 1], paths[#paths + 1] = body, path
  senders[#senders + 1] = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }
end
local at = math.random(#bodies)
wrk.method = "POST"
request = function()
  at = at %% #bodies + 1
  return wrk.format(nil, paths[at], senders[at], bodies[at])
end
function done(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read
  io.write(string.format("BAD %%d\\n", bad))
end
"""
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Load:
    """Requests a second, and the latency in seconds that one in a hundred exceeds."""

    rate: float
    p99: float


@dataclass(frozen=True)
class Post:
    """One request of a load whose requests have paths and senders of their own."""

    path: str
    token: str
    body: str


def load(port: int, path: str, *, clients: int, seconds: float, token: str = "", bodies: list[str]) -> Load:
    """POST the bodies in turn, or GET where there are none."""
    return load_each(
        port, path, [Post(path, token, body) for body in bodies], clients=clients, seconds=seconds
    )


def load_each(port: int, path: str, posts: list[Post], *, clients: int, seconds: float) -> Load:
    """Send the posts in turn, or GET `path` where there are none."""
    measure = _wrk if shutil.which("wrk") else _own
    return measure(port, path, posts, clients=clients, seconds=seconds)


def _wrk(port: int, path: str, posts: list[Post], *, clients: int, seconds: float) -> Load:
    command = ["wrk", "-t2", f"-c{clients}", f"-d{round(seconds)}s", "--latency"]
    with tempfile.TemporaryDirectory() as folder:
        if posts:
            lines, script = Path(folder, "posts"), Path(folder, "post.lua")
            lines.write_text("\n".join(f"{post.path}\t{post.token}\t{post.body}" for post in posts))
            script.write_text(_SCRIPT % json.dumps(str(lines)))
            command += ["-s", str(script)]
        command.append(f"http://127.0.0.1:{port}{path}")
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bad = re.search(r"^BAD (\d+)", output, re.M)
    assert "Non-2xx" not in output, output
    assert bad is None or bad[1] == "0", output
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", output), re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    assert rate is not None, output
    assert p99 is not None, output
    return Load(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def _own(port: int, path: str, posts: list[Post], *, clients: int, seconds: float) -> Load:
    requests = [_request(post.path, post.token, post.body) for post in posts] or [_request(path, "", None)]
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    def client(number: int) -> None:
        own, at = [], number
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (started := time.perf_counter()) < until:
                connection.sendall(requests[at % len(requests)])
                at += 1
                _read_answer(connection)
                own.append(time.perf_counter() - started)
        latencies.extend(own)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    return Load(len(latencies) / seconds, latencies[int(len(latencies) * 0.99)])


def _request(path: str, token: str, body: str | None) -> bytes:
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: bench\r\n"
    data = b"" if body is None else body.encode()
    if body is not None:
        head += f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(data)}\r\n"
    return f"{head}\r\n".encode() + data


def _read_answer(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), head
    length = re.search(rb"content-length: (\d+)", head, re.I)
    assert length is not None
    missing = int(length[1]) - len(rest)
    while missing > 0:
        missing -= len(connection.recv(65536))

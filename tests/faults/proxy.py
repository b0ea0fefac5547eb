"""A wire that can be cut: TCP passed on between two addresses, closed, held still or slowed down at will."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

CHUNK = 65536


class Wire:
    """Listens on a port of its own and passes on to `target`. Its loop has a thread of its own; every method
    may be called from any thread."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._held = False
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the wire did not start")

    def cut(self) -> None:
        """Break every connection, and take no new one."""
        self._loop.call_soon_threadsafe(self._cut)

    def hold(self) -> None:
        """Keep every connection and pass nothing on, as a network that drops packets does."""
        self._held = True

    def slow(self, seconds: float) -> None:
        """Let everything take this much longer."""
        self._delay = seconds

    def mend(self) -> None:
        self._open, self._held, self._delay = True, False, 0.0

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = int(server.sockets[0].getsockname()[1])
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, there[1]}
        self._writers |= both
        try:
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                while self._held:
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
        # The other direction has nothing more to say either: our servers close both at once.
        writer.transport.abort()

"""A server that answers at once and does nothing: under it the load generator shows its ceiling. `nothing.py PORT`."""

import asyncio
import sys

import uvloop

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"0" * 20


class _Nothing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(REPLY)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())

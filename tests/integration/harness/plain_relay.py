"""Relays bytes from a free port to the address given. No gRPC: the control in an experiment."""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except ConnectionError:
        writer.close()


async def relay(upstream, caller_reader, caller_writer):
    host, port = upstream.rsplit(":", 1)
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        caller_writer.transport.abort()
        return
    await asyncio.gather(pump(caller_reader, writer), pump(reader, caller_writer))
    writer.close()
    caller_writer.close()


async def main(upstream):
    server = await asyncio.start_server(lambda reader, writer: relay(upstream, reader, writer), "127.0.0.1", 0)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(sys.argv[1]))

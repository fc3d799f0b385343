'use strict';
// Passes TCP connections on, and counts the HTTP/2 frames (RFC 9113) on them that a silent connection may have.

const net = require('node:net');
const {once} = require('node:events');

const HEADERS = 1;
const PING = 6;
const GOAWAY = 7;
const ACK = 1;
const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;

// Finds the frames in a byte stream: calls onFrame(type, flags, body), of which no more than 8 bytes are kept.
class Frames {
  constructor(skip, onFrame) {
    this.skip = skip;
    this.onFrame = onFrame;
    this.kept = Buffer.alloc(0);
  }
  push(chunk) {
    const skipped = Math.min(this.skip, chunk.length);
    this.skip -= skipped;
    this.kept = Buffer.concat([this.kept, chunk.subarray(skipped)]);
    while (this.skip === 0 && this.kept.length >= FRAME_HEADER_BYTES) {
      const length = this.kept.readUIntBE(0, 3);
      const wanted = FRAME_HEADER_BYTES + Math.min(length, 8);
      if (this.kept.length < wanted) return;
      this.onFrame(this.kept[3], this.kept[4], this.kept.subarray(FRAME_HEADER_BYTES, wanted));
      this.kept = this.kept.subarray(wanted);
      this.skip = length - Math.min(length, 8);
      const more = Math.min(this.skip, this.kept.length);
      this.skip -= more;
      this.kept = this.kept.subarray(more);
    }
  }
}

// In front of `target`. Counts only connections that have calls.
class CountingRelay {
  constructor(target) {
    this.target = target;
    this.connections = 0;
    this.pings = {client: 0, server: 0};  // by who sent them; answers are not counted
    this.goaways = [];                    // codes of those that the server sent
    this.listener = net.createServer((client) => this.join(client));
  }

  // Resolves with "127.0.0.1:port".
  async listen() {
    this.listener.listen(0, '127.0.0.1');
    await once(this.listener, 'listening');
    return `127.0.0.1:${this.listener.address().port}`;
  }

  join(client) {
    const [host, port] = this.target.split(':');
    const server = net.connect(Number(port), host);
    let called = false;
    const count = (who, type, flags, body) => {
      if (type === HEADERS && !called) {
        called = true;
        ++this.connections;
      }
      if (!called) return;
      if (type === PING && (flags & ACK) === 0) ++this.pings[who];
      if (type === GOAWAY && who === 'server') this.goaways.push(body.readUInt32BE(4));
    };
    for (const [who, from, to, skip] of [['client', client, server, PREFACE_BYTES], ['server', server, client, 0]]) {
      const frames = new Frames(skip, (...frame) => count(who, ...frame));
      from.on('data', (chunk) => frames.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  }

  close() {
    this.listener.close();
  }
}

module.exports = {CountingRelay};

'use strict';
// gRPC spoken by hand on node's own http2: it shows header fields, flags and resets that gRPC libraries hide, and can
// send what they would not. No packages needed. The wire protocol is grpc/doc/PROTOCOL-HTTP2.md.

const http2 = require('node:http2');
const net = require('node:net');
const {EventEmitter, once} = require('node:events');

// One message with gRPC's five-byte prefix.
function frame(payload, compressed = false) {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

// Cuts a byte stream back into messages: {payload, compressed}.
class FrameSplitter {
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.chunks = [];
    this.length = 0;
    this.needed = 5;
  }

  push(chunk) {
    this.chunks.push(chunk);
    this.length += chunk.length;
    while (this.length >= this.needed) {
      const bytes = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
      this.chunks = [bytes];
      const end = 5 + bytes.readUInt32BE(1);
      if (bytes.length < end) {
        this.needed = end;
        return;
      }
      this.chunks = [bytes.subarray(end)];
      this.length -= end;
      this.needed = 5;
      this.onFrame({payload: bytes.subarray(5, end), compressed: bytes[0] === 1});
    }
  }
}

// Node's flat [name, value, name, value, ...] as pairs, duplicates and order kept.
function pairs(raw) {
  const result = [];
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i], raw[i + 1]]);
  return result;
}

// Pairs as node wants to be given them: a name that comes twice has an array.
function headerObject(fields) {
  const result = Object.create(null);
  for (const [name, value] of fields) {
    if (name in result) {
      result[name] = [].concat(result[name], value);
    } else {
      result[name] = value;
    }
  }
  return result;
}

function valuesOf(fields, name) {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}

// Resolves when a stream or session is over; unlike `once`, also after an error.
function closed(emitter) {
  return new Promise((resolve) => emitter.on('close', resolve));
}

// One call as the caller sees it. Events: 'headers', 'message', 'end'. `ended` resolves when the stream is over, however.
class CallerCall extends EventEmitter {
  constructor(stream) {
    super();
    this.stream = stream;
    this.blocks = [];  // of header fields: {fields, endStream}
    this.messages = [];
    this.reset = undefined;  // the code of an RST_STREAM, undefined where the stream ended well
    this.error = undefined;
    const splitter = new FrameSplitter((message) => {
      this.messages.push(message);
      this.emit('message', message);
    });
    const block = (event) => (headers, flags, raw) => {
      this.blocks.push({fields: pairs(raw), endStream: (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0});
      this.emit(event);
    };
    stream.on('response', block('headers'));
    stream.on('trailers', block('trailers'));
    stream.on('data', (chunk) => splitter.push(chunk));
    stream.on('error', (error) => (this.error = error.code || error.message));
    this.ended = closed(stream).then(() => {
      if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR) this.reset = stream.rstCode;
      this.emit('end');
      return this;
    });
  }

  send(payload, compressed = false) {
    return new Promise((resolve) => this.stream.write(frame(payload, compressed), resolve));
  }

  halfClose() {
    this.stream.end();
  }

  cancel(code = http2.constants.NGHTTP2_CANCEL) {
    this.stream.close(code);
  }

  // Resolves with the call once response headers (or the trailers that come alone) are there, or the stream is over.
  async gotHeaders() {
    while (this.blocks.length === 0 && !this.stream.closed) {
      await Promise.race([once(this, 'headers'), this.ended]);
    }
    return this;
  }

  async gotMessages(count) {
    while (this.messages.length < count && !this.stream.closed) {
      await Promise.race([once(this, 'message'), this.ended]);
    }
    return this;
  }

  // The fields that carry the status: of the last block.
  get trailers() {
    return this.blocks.length ? this.blocks[this.blocks.length - 1].fields : [];
  }

  get status() {
    const [value] = valuesOf(this.trailers, 'grpc-status');
    return value === undefined ? undefined : Number(value);
  }

  get statusMessage() {
    const [value] = valuesOf(this.trailers, 'grpc-message');
    return value === undefined ? '' : decodeURIComponent(value);
  }
}

// A connection that makes calls.
class Caller {
  // `address` is "host:port" or "unix:PATH". `authority` is what calls name the server by, unless they say otherwise; `always` are
  // fields that every call has. With `ca`, an authority's certificate as PEM, it is by TLS.
  static async connect(address, {authority, always = [], ca} = {}) {
    const settings = {settings: {maxHeaderListSize: 1 << 20}, ca};
    const host = address.startsWith('unix:') ? 'localhost' : address;
    if (host !== address) settings.createConnection = () => net.connect(address.slice('unix:'.length));
    const session = http2.connect(`${ca ? 'https' : 'http'}://${host}`, settings);
    session.on('error', () => {});  // streams report what became of them
    await once(session, 'connect');
    return new Caller(session, [[':authority', authority || host], ...always]);
  }

  constructor(session, always) {
    this.session = session;
    this.always = always;
    this.closed = closed(session);
  }

  // Begins a call. `fields` are pairs; what gRPC demands is added unless given.
  start(path, fields = [], {endStream = false} = {}) {
    const given = new Set(fields.map(([name]) => name));
    const demanded = [[':method', 'POST'], [':path', path], ...this.always,
                      ['content-type', 'application/grpc'], ['te', 'trailers']];
    const all = [...demanded.filter(([name]) => !given.has(name)), ...fields];
    return new CallerCall(this.session.request(headerObject(all), {endStream}));
  }

  // One message each way, or however many come back.
  async unary(path, payload, fields = []) {
    const call = this.start(path, fields);
    call.stream.end(frame(payload));
    return call.ended;
  }

  close() {
    this.session.destroy();
  }
}

// One call as the upstream sees it. What it says after the caller has gone is said to nobody.
class UpstreamCall extends EventEmitter {
  constructor(stream, flags, raw) {
    super();
    this.stream = stream;
    this.fields = pairs(raw);
    this.path = valuesOf(this.fields, ':path')[0];
    this.messages = [];
    this.reset = undefined;
    const splitter = new FrameSplitter((message) => {
      this.messages.push(message);
      this.emit('message', message);
    });
    stream.on('data', (chunk) => splitter.push(chunk));
    stream.on('error', () => {});
    this.halfClosed = new Promise((resolve) => stream.on('end', () => resolve(this)));
    this.ended = closed(stream).then(() => {
      if (stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR) this.reset = stream.rstCode;
      return this;
    });
  }

  async gotMessages(count) {
    while (this.messages.length < count) await once(this, 'message');
    return this;
  }

  get gone() {
    return this.stream.closed || this.stream.destroyed;
  }

  respond(fields = []) {
    if (this.gone) return;
    const given = new Set(fields.map(([name]) => name));
    const demanded = [[':status', '200'], ['content-type', 'application/grpc']];
    this.stream.respond(headerObject([...demanded.filter(([name]) => !given.has(name)), ...fields]), {waitForTrailers: true});
  }

  async send(payload, compressed = false) {
    if (this.gone) return;
    await new Promise((resolve) => this.stream.write(frame(payload, compressed), resolve));
  }

  // Ends the call with a status after headers were sent.
  finish(status = 0, fields = []) {
    this.stream.once('wantTrailers', () => {
      this.stream.sendTrailers(headerObject([['grpc-status', String(status)], ...fields]));
    });
    this.stream.end();
  }

  // Ends the call with headers and trailers in one block.
  trailersOnly(status, fields = []) {
    if (this.gone) return;
    this.stream.respond(
        headerObject([[':status', '200'], ['content-type', 'application/grpc'], ['grpc-status', String(status)], ...fields]),
        {endStream: true});
  }
}

// A server whose every method is a function of an UpstreamCall. A path without one is UNIMPLEMENTED.
class Upstream {
  constructor(handlers = {}) {
    this.handlers = new Map(Object.entries(handlers));
    this.calls = [];
    this.sessions = new Set();
    this.server = http2.createServer({settings: {maxHeaderListSize: 1 << 20}, maxSessionMemory: 1000});
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.on('close', () => this.sessions.delete(session));
      session.on('error', () => {});
    });
    this.server.on('stream', (stream, headers, flags, raw) => {
      const call = new UpstreamCall(stream, flags, raw);
      const handler = this.handlers.get(call.path);
      if (handler) {
        handler(call);
      } else {
        call.trailersOnly(12, [['grpc-message', 'no such method']]);
      }
    });
  }

  // Resolves with "127.0.0.1:port".
  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `127.0.0.1:${this.server.address().port}`;
  }

  close() {
    for (const session of this.sessions) session.destroy();
    this.server.close();
  }
}

module.exports = {Caller, Upstream, frame, valuesOf};

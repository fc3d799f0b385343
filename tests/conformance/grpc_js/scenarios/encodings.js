'use strict';
// Compression of messages: bytes, flags and grpc-encoding pass as they are.

const assert = require('node:assert');
const zlib = require('node:zlib');
const {METHODS, connect, client, atUpstream, text} = require('../helpers.js');
const {callerSaw, upstreamSaw, outcome} = require('../observation.js');
const {valuesOf} = require('../../../integration/harness/grpc_by_hand.js');

const PLAIN = Buffer.alloc(20000, 'compress me ');
// Levels that no gRPC library uses: whoever inflates and deflates again gives other bytes.
const SQUEEZED = {gzip: zlib.gzipSync(PLAIN, {level: 2}), deflate: zlib.deflateSync(PLAIN, {level: 2})};

// The caller sends with one encoding, the upstream answers with another.
const byHand = (method, there, back) => ({
  name: `${there} there and ${back} back keep their bytes, ${method}`,
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS[method], async (call) => {
      await call.halfClosed;
      call.respond([['grpc-encoding', back]]);
      call.send(SQUEEZED[back] || PLAIN, back !== 'identity');
      call.finish();
    });
    const call = (await connect(stage)).start(
        METHODS[method], [['grpc-encoding', there], ['grpc-accept-encoding', 'identity,deflate,gzip']]);
    call.send(SQUEEZED[there] || PLAIN, there !== 'identity');
    call.halfClose();
    return {caller: callerSaw(await call.ended), upstream: upstreamSaw(await arrived)};
  },
  expect({caller, upstream}) {
    const named = (encoding) => (encoding === 'identity' ? undefined : [encoding]);
    assert.deepEqual(upstream.fields['grpc-encoding'], named(there));
    assert.deepEqual(caller.blocks[0].fields['grpc-encoding'], named(back));
    assert.equal(upstream.messages[0].startsWith('compressed'), there !== 'identity');
    assert.equal(caller.messages[0].startsWith('compressed'), back !== 'identity');
  },
});

const unknown = (method) => ({
  name: `a request in an encoding nobody knows, ${method}`,
  async observe(stage) {
    atUpstream(stage, METHODS[method], (call) => call.trailersOnly(0));
    const call = (await connect(stage)).start(METHODS[method], [['grpc-encoding', 'zstd']]);
    call.send(text('28b52ffd'), true);
    call.halfClose();
    await call.ended;
    return {status: call.status, message: call.statusMessage};
  },
  expect: (seen) => assert.equal(seen.status, 0),
  differs: 'an encoding that cannot be passed on faithfully is refused',
  through(seen) {
    assert.equal(seen.status, 12);
    assert.match(seen.message, /encoding/);
  },
});

module.exports = [
  ...['unary', 'bidi'].flatMap((method) => [
    byHand(method, 'gzip', 'gzip'), byHand(method, 'deflate', 'gzip'), byHand(method, 'gzip', 'deflate'),
    byHand(method, 'identity', 'gzip'), byHand(method, 'deflate', 'identity'), unknown(method),
  ]),
  {
    name: 'compressed and plain messages in one stream',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.bidi, async (call) => {
        call.respond([['grpc-encoding', 'deflate']]);
        await call.halfClosed;
        call.send(PLAIN);
        call.send(SQUEEZED.deflate, true);
        call.finish();
      });
      const call = (await connect(stage)).start(METHODS.bidi, [['grpc-encoding', 'gzip'], ['grpc-accept-encoding', 'deflate']]);
      call.send(SQUEEZED.gzip, true);
      call.send(PLAIN);
      call.send(text(''));
      call.halfClose();
      return {caller: callerSaw(await call.ended), upstream: upstreamSaw(await arrived)};
    },
    expect({caller, upstream}) {
      assert.deepEqual(upstream.messages.map((seen) => seen.startsWith('compressed')), [true, false, false]);
      assert.deepEqual(caller.messages.map((seen) => seen.startsWith('compressed')), [false, true]);
    },
  },
  ...['unary', 'bidi'].map((method) => ({
    name: `a response in an encoding nobody knows, ${method}`,
    async observe(stage) {
      atUpstream(stage, METHODS[method], async (call) => {
        await call.halfClosed;
        call.respond([['grpc-encoding', 'zstd']]);
        call.send(text('28b52ffd'), true);
        call.finish();
      });
      const call = await (await connect(stage)).unary(METHODS[method], text('x'));
      return {status: call.status, encoding: valuesOf(call.blocks[0].fields, 'grpc-encoding'), messages: call.messages.length};
    },
    expect: (seen) => assert.equal(seen.status, 0),
    differs: 'an encoding that cannot be passed on faithfully is refused',
    through: (seen) => assert.deepEqual({...seen, encoding: []}, {status: 12, encoding: [], messages: 0}),
  })),
  {
    name: 'what a caller cannot decompress is not offered to the upstream',
    async observe(stage) {
      const offered = [];
      for (const accepted of [[], ['identity'], ['identity,gzip'], ['gzip,deflate']]) {
        const arrived = atUpstream(stage, METHODS.unary, (call) => call.trailersOnly(0));
        const fields = accepted.map((value) => ['grpc-accept-encoding', value]);
        await (await connect(stage)).unary(METHODS.unary, text('x'), fields);
        const seen = valuesOf((await arrived).fields, 'grpc-accept-encoding').join(',').split(/, */);
        offered.push(seen.filter((name) => name && name !== 'identity').sort().join(' '));
      }
      return offered;
    },
    expect: (seen) => assert.deepEqual(seen, ['', '', 'gzip', 'deflate gzip']),
  },
  ...[['gzip', 2], ['deflate', 1]].map(([encoding, number]) => ({
    name: `a client and a server of grpc-js that compress with ${encoding}`,
    async observe(stage) {
      let size;
      stage.service.handlers.Unary = (call, callback) => {
        size = call.request.body.length;
        callback(null, {body: call.request.body});
      };
      const {grpc} = require('../js_peer.js');
      const metadata = new grpc.Metadata();
      metadata.set('grpc-internal-encoding-request', encoding);
      const made = client(stage, 'byGrpcJs', {'grpc.default_compression_algorithm': number});
      return {size, ...outcome(await made.unary(PLAIN)), served: size};
    },
    expect(seen) {
      assert.equal(seen.code, 0);
      assert.equal(seen.served, PLAIN.length);
      assert.equal(seen.bodies.length, 1);
    },
  })),
];

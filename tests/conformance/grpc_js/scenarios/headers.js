'use strict';
// Blocks of header fields: which, when, and what HTTP/2 carries beside metadata.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, echo, signal, text} = require('../helpers.js');
const {callerSaw, upstreamSaw, outcome} = require('../observation.js');
const {valuesOf} = require('../../../integration/harness/grpc_by_hand.js');

const early = (method) => ({
  name: `response headers arrive before the first message is sent, ${method}`,
  async observe(stage) {
    const seen = signal();
    atUpstream(stage, METHODS[method], async (call) => {
      call.respond([['early', 'yes']]);
      await seen.given;  // a relay that waits for the first message never gets it
      call.send(text('late'));
      call.finish();
    });
    const call = (await connect(stage)).start(METHODS[method]);
    call.send(text('x'));
    call.halfClose();
    await call.gotHeaders();
    const before = call.messages.length;
    seen.give();
    return {before, ...callerSaw(await call.ended)};
  },
  expect(seen) {
    assert.equal(seen.before, 0);
    assert.deepEqual(seen.blocks[0].fields.early, ['yes']);
    assert.equal(seen.messages.length, 1);
  },
});

const trailersOnly = (method, wait) => ({
  name: `trailers alone stay alone, ${wait ? 'after the request' : 'at once'}, ${method}`,
  async observe(stage) {
    atUpstream(stage, METHODS[method], async (call) => {
      if (wait) await call.halfClosed;
      call.trailersOnly(7, [['grpc-message', 'denied'], ['why', 'because']]);
    });
    return callerSaw(await (await connect(stage)).unary(METHODS[method], text('x')));
  },
  expect(seen) {
    assert.equal(seen.blocks.length, 1);
    assert.equal(seen.blocks[0].endStream, true);
    assert.deepEqual(seen.blocks[0].fields.why, ['because']);
  },
});

module.exports = [
  ...Object.keys(METHODS).map(early),
  ...Object.keys(METHODS).flatMap((method) => [trailersOnly(method, false), trailersOnly(method, true)]),
  ...['unary', 'bidi'].map((method) => ({
    name: `authority, te and content-type reach the upstream, ${method}`,
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS[method], echo);
      const caller = await connect(stage);
      await caller.unary(METHODS[method], text('x'), [[':authority', 'payments.example:8443'], ['user-agent', 'by-hand/1']]);
      return upstreamSaw(await arrived);
    },
    expect(seen) {
      assert.deepEqual(seen.fields[':authority'], ['payments.example:8443']);
      assert.deepEqual(seen.fields.te, ['trailers']);
      assert.deepEqual(seen.fields['content-type'], ['application/grpc']);
    },
  })),
  {
    name: 'a content-type that names another serialisation than protobuf',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.unary, echo);
      await (await connect(stage)).unary(METHODS.unary, text('{}'), [['content-type', 'application/grpc+json']]);
      return valuesOf((await arrived).fields, 'content-type');
    },
    expect: (seen) => assert.deepEqual(seen, ['application/grpc+json']),
    differs: 'gRPC C++ always sends application/grpc',
    through: (seen) => assert.deepEqual(seen, ['application/grpc']),
  },
  {
    name: 'user-agent',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.unary, echo);
      await (await connect(stage)).unary(METHODS.unary, text('x'), [['user-agent', 'by-hand/1']]);
      return valuesOf((await arrived).fields, 'user-agent');
    },
    expect: (seen) => assert.deepEqual(seen, ['by-hand/1']),
    differs: 'each hop of gRPC names itself',
    through(seen) {
      assert.equal(seen.length, 1);
      assert.match(seen[0], /grpc/);
    },
  },
  {
    name: 'a method the upstream does not have is refused with its words',
    async observe(stage) {
      return outcome(await client(stage, 'byGrpcJs').readAll(
          client(stage, 'byGrpcJs').stub.makeServerStreamRequest('/no.such.Service/Method', (x) => x, (x) => x, text('x')), () => {}));
    },
    expect: (seen) => assert.equal(seen.code, 12),
  },
];

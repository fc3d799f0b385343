'use strict';
// Upstreams that break: the caller is told what gRPC would have told it without a gateway.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, text} = require('../helpers.js');

// What grpc-js makes of an upstream that does `misdeed`: the code, and how many messages came before.
const told = (name, method, misdeed, code) => ({
  name: `${name}, ${method}`,
  async observe(stage) {
    atUpstream(stage, METHODS[method], misdeed);
    const result = await client(stage, 'byHand')[method](text('x'));
    return {code: result.code, bodies: result.bodies.length};
  },
  expect: (seen) => assert.equal(seen.code, code),
});

const breakConnection = (call) => call.stream.session.destroy();

// The connection breaks once the caller has what was sent before.
const breaksAfterMessage = {
  name: 'the upstream dies in the middle of a stream',
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS.serverStream, (call) => {
      call.respond();
      call.send(Buffer.from([0x0a, 1, 0x41]));
    });
    const outcome = client(stage, 'byHand').serverStream(
        text('x'), {begun: (call) => call.once('data', async () => breakConnection(await arrived))});
    const {code, bodies} = await outcome;
    return {code, bodies: bodies.length};
  },
  expect: (seen) => assert.deepEqual(seen, {code: 14, bodies: 1}),
};

const RESETS = [[0, 13], [1, 13], [2, 13], [3, 13], [7, 14], [8, 1], [11, 8], [12, 7]];  // grpc's PROTOCOL-HTTP2.md, Errors
const HTTP_STATUSES = [[400, 13], [401, 16], [403, 7], [404, 12], [429, 14], [502, 14], [503, 14], [504, 14], [500, 2]];

module.exports = [
  breaksAfterMessage,
  told('the upstream dies before headers', 'unary', breakConnection, 14),
  told('the upstream dies before headers', 'serverStream', breakConnection, 14),
  ...RESETS.flatMap(([reset, code]) => ['unary', 'serverStream'].map(
      (method) => told(`the upstream resets the stream with ${reset}`, method, (call) => call.stream.close(reset), code))),
  ...HTTP_STATUSES.flatMap(([status, code]) => ['unary', 'serverStream'].map(
      (method) => told(`the upstream answers HTTP ${status} without a word of gRPC`, method, (call) => {
        call.stream.respond({':status': status, 'content-type': 'text/plain'});
        call.stream.end('no');
      }, code))),
  {
    ...told('the upstream ends a stream without a status', 'serverStream', (call) => {
      call.stream.respond({':status': 200, 'content-type': 'application/grpc'});
      call.stream.end();
    }, 13),
    differs: 'grpc-js says INTERNAL of it, gRPC C++ UNKNOWN',
    through: (seen) => assert.deepEqual(seen, {code: 2, bodies: 0}),
  },
  told('the upstream says OK without a response', 'unary', (call) => call.trailersOnly(0), 0),
  {
    name: 'the upstream sends two responses to one request, unary',
    async observe(stage) {
      atUpstream(stage, METHODS.unary, async (call) => {
        await call.halfClosed;
        call.respond();
        call.send(text('one'));
        call.send(text('two'));
        call.finish();
      });
      const call = await (await connect(stage)).unary(METHODS.unary, text('x'), [['grpc-timeout', '1S']]);
      return {status: call.status, messages: call.messages.length};
    },
    expect: (seen) => assert.deepEqual(seen, {status: 0, messages: 2}),
    differs: 'where the method is known, the gateway is a unary client of gRPC C++: that one waits for the deadline',
    through: (seen) => assert.ok([13, 4].includes(seen.status) || (seen.status === 0 && seen.messages === 2), JSON.stringify(seen)),
  },
  {
    name: 'the upstream says it is going away and finishes what it has begun',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.serverStream, (call) => {
        call.respond();
        call.send(Buffer.from([0x0a, 1, 0x41]));
      });
      const {code, bodies} = await client(stage, 'byHand').serverStream(text('x'), {begun: (call) => call.once('data', async () => {
        const upstreamCall = await arrived;
        upstreamCall.stream.session.goaway();
        upstreamCall.send(Buffer.from([0x0a, 1, 0x42]));
        upstreamCall.finish();
      })});
      return {code, bodies: bodies.length};
    },
    expect: (seen) => assert.deepEqual(seen, {code: 0, bodies: 2}),
  },
];

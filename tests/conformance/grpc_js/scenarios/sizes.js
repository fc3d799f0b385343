'use strict';
// Large messages, many messages, and readers slower than writers.

const assert = require('node:assert');
const crypto = require('node:crypto');
const {METHODS, connect, client, atUpstream, echo, text} = require('../helpers.js');
const {callerSaw, upstreamSaw, outcome} = require('../observation.js');

const MIB = 1 << 20;
const LIMIT = 64 * MIB;  // the gateway's default
const noise = crypto.randomBytes(LIMIT + 1);

const byHand = (bytes, method) => ({
  name: `a message of ${bytes} bytes and its echo, ${method}`,
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS[method], echo);
    const call = await (await connect(stage)).unary(METHODS[method], noise.subarray(0, bytes));
    return {caller: callerSaw(call), upstream: upstreamSaw(await arrived)};
  },
  expect({caller, upstream}) {
    assert.equal(caller.messages.length, 1);
    assert.deepEqual(caller.messages, upstream.messages);
  },
});

const tooLarge = (direction, method) => ({
  name: `a ${direction} of one byte more than the limit, ${method}`,
  async observe(stage) {
    const sent = {request: text('x'), response: text('x'), [direction]: noise};
    atUpstream(stage, METHODS[method], async (call) => {
      await call.halfClosed;
      call.respond();
      call.send(sent.response);
      call.finish();
    });
    const call = await (await connect(stage)).unary(METHODS[method], sent.request);
    return {status: call.status, message: call.statusMessage, messages: call.messages.length};
  },
  expect: (seen) => assert.equal(seen.status, 0),
  differs: 'the gateway has a limit of 64 MiB',
  through(seen) {
    assert.equal(seen.status, 8);
    assert.match(seen.message, new RegExp(`${LIMIT}|64 ?MiB`));
    assert.equal(seen.messages, 0);
  },
});

// Counts and hashes in place of what is too much to keep.
function tally(call) {
  const hash = crypto.createHash('sha256');
  const result = {count: 0};
  call.messages.push = () => 0;
  call.on('message', ({payload}) => {
    ++result.count;
    hash.update(payload);
  });
  result.digest = () => hash.digest('hex');
  return result;
}

const FRAMES = 100000;

module.exports = [
  ...['unary', 'bidi'].flatMap((method) => [1, 16384, 10_000_000, LIMIT].map((bytes) => byHand(bytes, method))),
  ...['request', 'response'].flatMap((direction) => [tooLarge(direction, 'unary'), tooLarge(direction, 'bidi')]),
  {
    name: '10 MB through grpc-js on both sides',
    async observe(stage) {
      stage.service.handlers.Unary = (call, callback) => callback(null, {body: call.request.body});
      return outcome(await client(stage, 'byGrpcJs').unary(noise.subarray(0, 10_000_000)));
    },
    expect: (seen) => assert.equal(seen.code, 0),
  },
  {
    name: `${FRAMES} messages in one stream, each sent back`,
    async observe(stage) {
      atUpstream(stage, METHODS.bidi, (call) => {
        call.respond();
        call.messages.push = () => 0;
        call.on('message', ({payload}) => call.send(payload));
        call.halfClosed.then(() => call.finish());
      });
      const call = (await connect(stage)).start(METHODS.bidi);
      const seen = tally(call);
      for (let i = 0; i < FRAMES; ++i) {
        const sent = call.send(text(`frame ${i}`));
        if (i % 1000 === 0) await sent;
      }
      call.halfClose();
      await call.ended;
      return {status: call.status, count: seen.count, sha256: seen.digest()};
    },
    expect: (seen) => assert.equal(seen.count, FRAMES),
  },
  {
    name: 'a caller that reads late makes the upstream wait, not the gateway grow',
    async observe(stage) {
      const total = 128 * MIB;
      const piece = noise.subarray(0, 64 << 10);
      let sent = 0;
      atUpstream(stage, METHODS.serverStream, async (call) => {
        call.respond();
        for (; sent < total; sent += piece.length) await call.send(piece);
        call.finish();
      });
      const program = stage.way.programs.byHand;
      const before = program ? program.peakMemory() : 0;
      const call = (await connect(stage)).start(METHODS.serverStream);
      const seen = tally(call);
      call.stream.pause();
      call.send(text('x'));
      call.halfClose();
      await call.gotHeaders();
      await standsStill(() => sent);
      const waited = sent < total;
      call.stream.resume();
      await call.ended;
      const grown = program ? program.peakMemory() - before : 0;
      return {waited, status: call.status, count: seen.count, grown: grown < 48 * MIB || `${grown / MIB} MiB`};
    },
    expect: (seen) => assert.deepEqual(seen, {waited: true, status: 0, count: 2048, grown: true}),
  },
];

// Resolves when `value()` has not changed for half a second: there is no event for what does not happen.
async function standsStill(value) {
  for (let last, same = 0; same < 5; await new Promise((resolve) => setTimeout(resolve, 100))) {
    same = value() === last ? same + 1 : 0;
    last = value();
  }
}

'use strict';
// Shapes of streams: empty ones, either side closing first, turns, crowds.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, echo, signal, text} = require('../helpers.js');
const {callerSaw, upstreamSaw, outcome} = require('../observation.js');

// More often than any library would: grpc-go asks for at least 10 s between pings.
const PING_EVERY_MS = 1100;

module.exports = [
  ...['clientStream', 'bidi'].map((method) => ({
    name: `no message in either direction, ${method}`,
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS[method], echo);
      const call = (await connect(stage)).start(METHODS[method]);
      call.halfClose();
      return {caller: callerSaw(await call.ended), upstream: upstreamSaw(await arrived)};
    },
    expect: ({caller}) => assert.deepEqual(caller.blocks.at(-1).fields['grpc-status'], ['0']),
  })),
  {
    name: 'a request whose only HEADERS frame ends the stream',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.bidi, echo);
      const call = (await connect(stage)).start(METHODS.bidi, [], {endStream: true});
      return {caller: callerSaw(await call.ended), upstream: upstreamSaw(await arrived)};
    },
    expect: ({caller}) => assert.deepEqual(caller.blocks.at(-1).fields['grpc-status'], ['0']),
  },
  {
    name: 'no response to a request, serverStream',
    async observe(stage) {
      atUpstream(stage, METHODS.serverStream, async (call) => {
        await call.halfClosed;
        call.respond();
        call.finish();
      });
      return callerSaw(await (await connect(stage)).unary(METHODS.serverStream, text('x')));
    },
    expect: (seen) => assert.equal(seen.messages.length, 0),
  },
  ...['unary', 'clientStream', 'serverStream', 'bidi'].map((method) => ({
    name: `messages of 0 bytes, ${method}`,
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS[method], echo);
      const call = await (await connect(stage)).unary(METHODS[method], text(''));
      return {caller: callerSaw(call), upstream: upstreamSaw(await arrived)};
    },
    expect: ({caller}) => assert.deepEqual(caller.messages, ['']),
  })),
  ...[0, 2].map((count) => ({
    name: `${count} messages in a call of a unary method: it ends`,
    async observe(stage) {
      atUpstream(stage, METHODS.unary, async (call) => {
        await call.halfClosed;
        call.trailersOnly(13, [['grpc-message', `${call.messages.length} messages`]]);
      });
      const call = (await connect(stage)).start(METHODS.unary);
      for (let i = 0; i < count; ++i) call.send(text(`message ${i}`));
      call.halfClose();
      await call.ended;
      return {status: call.status};
    },
    expect: (seen) => assert.deepEqual(seen, {status: 13}),
    differs: 'where the method is known, the gateway may refuse it in words of its own',
    through: ({status}) => assert.ok([12, 13, 3].includes(status), `status ${status}`),
  })),
  {
    name: 'the caller closes its half first, the upstream still sends',
    async observe(stage) {
      atUpstream(stage, METHODS.bidi, async (call) => {
        call.respond();
        await call.halfClosed;
        for (let i = 0; i < 10; ++i) await call.send(text(`after ${i}`));
        call.finish();
      });
      const call = (await connect(stage)).start(METHODS.bidi);
      call.send(text('one'));
      call.halfClose();
      return callerSaw(await call.ended);
    },
    expect: (seen) => assert.equal(seen.messages.length, 10),
  },
  ...['bidi', 'clientStream'].map((method) => ({
    name: `the upstream ends a call whose caller has not closed its half, ${method}`,
    async observe(stage) {
      atUpstream(stage, METHODS[method], async (call) => {
        await call.gotMessages(1);
        call.respond();
        call.send(text('enough'));
        call.finish();
      });
      const call = (await connect(stage)).start(METHODS[method]);
      call.send(text('one'));
      await call.gotMessages(1);
      while (call.blocks.length < 2) await new Promise((resolve) => call.once('trailers', resolve));
      call.halfClose();
      await call.ended;
      return {status: call.status, messages: call.messages.length};
    },
    expect: (seen) => assert.deepEqual(seen, {status: 0, messages: 1}),
  })),
  {
    name: 'two hundred turns of ping and pong',
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS.bidi, (call) => {
        call.respond();
        call.on('message', ({payload}) => call.send(payload));
        call.halfClosed.then(() => call.finish());
      });
      const call = (await connect(stage)).start(METHODS.bidi);
      for (let i = 0; i < 200; ++i) {
        call.send(text(`turn ${i}`));
        await call.gotMessages(i + 1);
      }
      call.halfClose();
      return {caller: callerSaw(await call.ended), upstream: upstreamSaw(await arrived)};
    },
    expect: ({caller, upstream}) => assert.deepEqual(caller.messages, upstream.messages),
  },
  {
    name: 'an idle stream outlives the pings with which its caller keeps the connection alive',
    async observe(stage) {
      const wait = signal();
      atUpstream(stage, METHODS.bidi, async (call) => {
        call.respond();
        await wait.given;
        call.send(text('still here'));
        call.finish();
      });
      const caller = await connect(stage);
      const call = caller.start(METHODS.bidi);
      await call.gotHeaders();
      for (let i = 0; i < 4; ++i) {  // gRPC's servers cut a connection at the third ping that comes too soon
        await new Promise((resolve) => setTimeout(resolve, PING_EVERY_MS));
        await new Promise((resolve) => caller.session.ping(resolve));
      }
      wait.give();
      call.halfClose();
      return callerSaw(await call.ended);
    },
    expect: (seen) => assert.equal(seen.messages.length, 1),
  },
  {
    name: 'three hundred streams at a time on one connection of grpc-js',
    async observe(stage) {
      stage.service.handlers.Bidi = (call) => {
        call.on('data', (message) => call.write(message));
        call.on('end', () => call.end());
      };
      const made = client(stage, 'byGrpcJs');
      const all = Array.from({length: 300}, (_, i) => made.bidi({begun: (call) => {
        call.write({body: text(`stream ${i}`)});
        call.end();
      }}));
      return (await Promise.all(all)).map(outcome);
    },
    expect: (seen) => assert.ok(seen.every(({code, bodies}) => code === 0 && bodies.length === 1)),
  },
];

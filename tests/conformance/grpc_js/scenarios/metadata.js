'use strict';
// Metadata in both directions.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, text} = require('../helpers.js');
const {callerSaw, upstreamSaw, outcome, metadata} = require('../observation.js');
const {grpc, plain} = require('../js_peer.js');

const EVERY_BYTE = Buffer.from(Array.from({length: 256}, (_, i) => i));
const FIELDS = [
  ['tenant', 'first'], ['tenant', 'second'], ['tenant', 'first'], ['with-comma', 'a,b, c'], ['punctuation', '~!@#$%^&*()_+{}|:"<>?'],
  ['empty', ''], ['under_score.and-dot', '1'], ['inner space', 'no'].map((part) => part.replace(' ', '-')),
  ['all-bin', EVERY_BYTE.toString('base64')], ['twice-bin', 'AQI='], ['twice-bin', 'AwQ'], ['nothing-bin', ''],
  ['grpc-unknown-to-all', 'passes'], ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
];

const bothWays = (method) => ({
  name: `duplicates and -bin values, request, headers and trailers, ${method}`,
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS[method], async (call) => {
      await call.halfClosed;
      call.respond(FIELDS);
      call.send(text('x'));
      call.finish(0, FIELDS.map(([name, value]) => [`t-${name}`, value]));
    });
    const call = await (await connect(stage)).unary(METHODS[method], text('x'), FIELDS);
    return {caller: callerSaw(call), upstream: upstreamSaw(await arrived)};
  },
  expect({caller, upstream}) {
    assert.deepEqual(upstream.fields.tenant, ['first', 'second', 'first']);
    assert.deepEqual(upstream.fields['twice-bin'], [{bytes: '0102'}, {bytes: '0304'}]);
    assert.deepEqual(caller.blocks[0].fields['all-bin'], [{bytes: EVERY_BYTE.toString('hex')}]);
    assert.deepEqual(caller.blocks[1].fields['t-tenant'], ['first', 'second', 'first']);
  },
});

const large = (bytes) => ({
  name: `a metadata value of ${bytes} bytes each way`,
  async observe(stage) {
    const value = 'v'.repeat(bytes);
    const arrived = atUpstream(stage, METHODS.unary, async (call) => {
      await call.halfClosed;
      call.respond([['large', value]]);
      call.send(text('x'));
      call.finish(0, [['large-trailer', value]]);
    });
    const call = await (await connect(stage)).unary(METHODS.unary, text('x'), [['large', value]]);
    assert.equal(call.status, 0, `status ${call.status} ${call.statusMessage}`);
    return {caller: callerSaw(call), upstream: upstreamSaw(await arrived)};
  },
  expect: ({upstream}) => assert.equal(upstream.fields.large[0].length, bytes),
});

module.exports = [
  bothWays('unary'),
  bothWays('bidi'),
  large(8000),
  large(40000),
  {
    name: 'metadata between a client and a server of grpc-js',
    async observe(stage) {
      let seen;
      stage.service.handlers.Unary = (call, callback) => {
        seen = plain(call.metadata);
        const back = new grpc.Metadata();
        back.add('echo', 'one');
        back.add('echo', 'two');
        back.add('echo-bin', EVERY_BYTE);
        call.sendMetadata(back);
        callback(null, {body: text('x')}, back);
      };
      const sent = new grpc.Metadata();
      sent.add('key', 'a');
      sent.add('key', 'b');
      sent.add('key-bin', EVERY_BYTE);
      const result = outcome(await client(stage, 'byGrpcJs').unary(text('x'), {metadata: sent}));
      return {caller: result, upstream: metadata(seen)};
    },
    expect({caller, upstream}) {
      assert.equal(caller.code, 0);
      assert.deepEqual(caller.trailers['echo-bin'], [{bytes: EVERY_BYTE.toString('hex')}]);
      assert.deepEqual(upstream['key-bin'], [{bytes: EVERY_BYTE.toString('hex')}]);
    },
  },
];

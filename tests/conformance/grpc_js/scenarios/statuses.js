'use strict';
// How calls end: codes, messages, details.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, text} = require('../helpers.js');
const {callerSaw, outcome} = require('../observation.js');

const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
const DETAILS = Buffer.from('0805120f6465706f736974207265667573656400ff80', 'hex');

// A unary call to the upstream made by hand, which ends it as `end` says.
function endedBy(name, end, expect, method = METHODS.unary) {
  return {
    name,
    async observe(stage) {
      atUpstream(stage, method, end);
      return callerSaw(await (await connect(stage)).unary(method, text('x')));
    },
    expect,
  };
}

function grpcJsStatus(code, details) {
  return {
    async observe(stage) {
      stage.service.handlers.Unary = (call, callback) => callback({code, details});
      return outcome(await client(stage, 'byGrpcJs').unary(text('x')));
    },
    expect(seen) {
      assert.equal(seen.code, code);
      assert.equal(seen.message, details);
    },
  };
}

const codes = [...Array(17).keys(), 17, 42, 255].map((code) => endedBy(
    `status ${code} alone`, (call) => call.trailersOnly(code, [['grpc-message', `it was ${code}`]]),
    (seen) => {
      assert.deepEqual(seen.blocks[0].fields['grpc-status'], [String(code)]);
      assert.deepEqual(seen.blocks[0].fields['grpc-message'], code === 0 ? undefined : [`it was ${code}`]);
    }, METHODS[code % 2 ? 'unary' : 'bidi']));

module.exports = [
  ...Array.from({length: 16}, (_, i) => i + 1).map(
      (code) => ({name: `grpc-js is told status ${code}`, ...grpcJsStatus(code, `reason ${code}`)})),
  {name: 'special_status_message', ...grpcJsStatus(2, SPECIAL)},
  {name: 'a status message with percent signs', ...grpcJsStatus(9, '100% of %41 and %zz, %')},
  {name: 'an empty status message', ...grpcJsStatus(7, '')},
  ...codes,
  endedBy('a status after headers', (call) => {
    call.respond([['seen', 'yes']]);
    call.finish(5, [['grpc-message', 'gone']]);
  }, (seen) => assert.deepEqual(seen.blocks.map(({endStream}) => endStream), [false, true])),
  endedBy('a status after two messages', async (call) => {
    await call.halfClosed;
    call.respond();
    call.send(text('one'));
    call.send(text('two'));
    call.finish(8, [['grpc-message', 'no more']]);
  }, (seen) => assert.equal(seen.messages.length, 2), METHODS.serverStream),
  endedBy('a status message that is not validly escaped',
      (call) => call.trailersOnly(3, [['grpc-message', '100%, %zz and %E2%98%BA']]),
      (seen) => assert.deepEqual(seen.blocks[0].fields['grpc-message'], ['100%, %zz and ☺'])),
  ...['with', 'without'].flatMap((padding) => ['unary', 'bidi'].map((method) => endedBy(
      `status details once and byte-equal, ${padding} padding, alone, ${method}`,
      (call) => call.trailersOnly(9, [['grpc-message', 'see details'], ['grpc-status-details-bin', base64(padding)]]),
      (seen) => assert.deepEqual(seen.blocks[0].fields['grpc-status-details-bin'], [{bytes: DETAILS.toString('hex')}]),
      METHODS[method]))),
  endedBy('status details once and byte-equal, in trailers', (call) => {
    call.respond();
    call.finish(9, [['grpc-message', 'see details'], ['grpc-status-details-bin', base64('with')]]);
  }, (seen) => assert.deepEqual(seen.blocks[1].fields['grpc-status-details-bin'], [{bytes: DETAILS.toString('hex')}])),
  {
    name: 'grpc-js gets status details once',
    async observe(stage) {
      atUpstream(stage, METHODS.unary, (call) => call.trailersOnly(
          9, [['grpc-message', 'see details'], ['grpc-status-details-bin', base64('without')]]));
      return outcome(await client(stage, 'byHand').unary(text('x')));
    },
    expect: (seen) => assert.deepEqual(seen.trailers['grpc-status-details-bin'], [{bytes: DETAILS.toString('hex')}]),
  },
];

function base64(padding) {
  const encoded = DETAILS.toString('base64');
  assert.ok(encoded.endsWith('='));
  return padding === 'with' ? encoded : encoded.replace(/=+$/, '');
}

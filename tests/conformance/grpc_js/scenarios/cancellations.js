'use strict';
// A caller that gives up is heard upstream.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, text} = require('../helpers.js');

const CANCEL = 8;  // RFC 9113, section 7

// `until` brings the call to the point at which it is cancelled; `stop` cancels it.
const cancelled = (name, method, upstreamDoes, until, stop = (call) => call.cancel()) => ({
  name: `${name}, ${method}`,
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS[method], upstreamDoes);
    const caller = await connect(stage);
    const call = caller.start(METHODS[method]);
    call.send(text('x'));
    if (method === 'unary' || method === 'serverStream') call.halfClose();
    const upstreamCall = await arrived;
    await until(call);
    stop(call, caller);
    await upstreamCall.ended;
    return {upstreamReset: upstreamCall.reset};
  },
  expect: (seen) => assert.deepEqual(seen, {upstreamReset: CANCEL}),
});

const sendsOne = (call) => {
  call.respond();
  call.send(text('one'));
};

module.exports = [
  ...['unary', 'clientStream', 'serverStream', 'bidi'].flatMap((method) => [
    cancelled('cancelled before headers', method, () => {}, () => {}),
    cancelled('cancelled after headers', method, (call) => call.respond(), (call) => call.gotHeaders()),
  ]),
  cancelled('cancelled after the first response', 'serverStream', sendsOne, (call) => call.gotMessages(1)),
  cancelled('cancelled after the first response', 'bidi', sendsOne, (call) => call.gotMessages(1)),
  cancelled('the connection of the caller breaks', 'bidi', sendsOne, (call) => call.gotMessages(1),
            (call, caller) => caller.close()),
  cancelled('the connection of the caller breaks', 'unary', () => {}, () => {}, (call, caller) => caller.close()),
  ...['unary', 'serverStream'].map((method) => ({
    name: `grpc-js cancels, its server hears it, ${method}`,
    async observe(stage) {
      let heard;
      const handler = (begun) => (call) => {
        heard = new Promise((resolve) => call.on('cancelled', () => resolve('cancelled')));
        begun(call);
      };
      let clientCall;
      stage.service.handlers.Unary = handler(() => clientCall.cancel());
      stage.service.handlers.ServerStream = handler(() => clientCall.cancel());
      const {code} = await client(stage, 'byGrpcJs')[method](text('x'), {begun: (call) => (clientCall = call)});
      return {code, heard: await heard};
    },
    expect: (seen) => assert.deepEqual(seen, {code: 1, heard: 'cancelled'}),
  })),
];

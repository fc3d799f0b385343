'use strict';
// The time a caller allows.

const assert = require('node:assert');
const {METHODS, connect, client, atUpstream, echo, text} = require('../helpers.js');
const {valuesOf} = require('../../../integration/harness/grpc_by_hand.js');

const UNITS = {H: 3600e9, M: 60e9, S: 1e9, m: 1e6, u: 1e3, n: 1};

// Of an upstream call: nanoseconds, or undefined where there is no grpc-timeout.
function timeout(call) {
  const [value] = valuesOf(call.fields, 'grpc-timeout');
  return value && Number(value.slice(0, -1)) * UNITS[value.slice(-1)];
}

const passes = (method, value, nanoseconds, slack) => ({
  name: `a timeout of ${value} reaches the upstream as the time that remains, ${method}`,
  async observe(stage) {
    const arrived = atUpstream(stage, METHODS[method], echo);
    const call = await (await connect(stage)).unary(METHODS[method], text('x'), value ? [['grpc-timeout', value]] : []);
    const remaining = timeout(await arrived);
    const expected = value ? remaining <= nanoseconds * 1.01 && remaining > nanoseconds - slack : remaining === undefined;
    return {status: call.status, remaining: expected || `${remaining} ns`};
  },
  expect: (seen) => assert.deepEqual(seen, {status: 0, remaining: true}),
});

module.exports = [
  ...['unary', 'bidi'].flatMap((method) => [
    passes(method, '', 0, 0), passes(method, '20S', 20e9, 5e9), passes(method, '30000m', 30e9, 5e9),
    passes(method, '1H', 3600e9, 40e9), passes(method, '99999999u', 99999999e3, 5e9),
  ]),
  ...['unary', 'serverStream'].map((method) => ({
    name: `a deadline passes: the caller is told, the upstream is cancelled, ${method}`,
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS[method], (call) => call.respond());
      const {code} = await client(stage, 'byHand')[method](text('x'), {options: {deadline: Date.now() + 400}});
      const upstreamCall = await (await arrived).ended;
      return {code, upstreamReset: upstreamCall.reset, within: timeout(upstreamCall) <= 400e6};
    },
    expect: (seen) => assert.deepEqual(seen, {code: 4, upstreamReset: 8, within: true}),
  })),
  ...['unary', 'bidi'].map((method) => ({
    name: `a deadline that the caller itself does not watch, ${method}`,
    async observe(stage) {
      const arrived = atUpstream(stage, METHODS[method], (call) => {
        if (!stage.way.gateway) call.trailersOnly(4);
      });
      const call = (await connect(stage)).start(METHODS[method], [['grpc-timeout', '300m']]);
      call.send(text('x'));
      call.halfClose();
      await Promise.all([call.ended, (await arrived).ended]);
      return {status: call.status, reset: call.reset};
    },
    expect: (seen) => assert.equal(seen.status, 4),
    differs: 'it is the gateway that ends it, with DEADLINE_EXCEEDED or as gRPC\'s own servers do with a reset',
    through: (seen) => assert.ok(seen.status === 4 || seen.reset === 8, JSON.stringify(seen)),
  })),
];

'use strict';
// Services that a gateway could be tempted to answer itself.

const assert = require('node:assert');
const {connect, atUpstream, echo, text} = require('../helpers.js');
const {callerSaw, upstreamSaw} = require('../observation.js');

const METHODS = [
  '/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

module.exports = METHODS.map((method) => ({
  name: `${method} is the upstream's own`,
  async observe(stage) {
    const arrived = atUpstream(stage, method, echo);
    const call = await (await connect(stage)).unary(method, text('asked'));
    return {caller: callerSaw(call), upstream: upstreamSaw(await arrived)};
  },
  expect: ({caller}) => assert.deepEqual(caller.messages, [text('asked').toString('hex')]),
}));

'use strict';
// The cases of networks_test.js about connections that have lasted as long as they may (`listen.max_connection_age`).

const assert = require('node:assert');
const {Caller, Upstream, valuesOf} = require('../harness/grpc_by_hand.js');
const {Gateway, atMost, within} = require('./parts.js');

const A = Buffer.from('a');

async function upstreamOf(handlers) {
  const server = new Upstream(handlers);
  return {server, address: await server.listen()};
}

const AGE_CASES = {
  async 'connections of an age are asked to end, and their calls finish'(programs) {
    const {server, address} = await upstreamOf({'/x.S/Echo': (call) => call.halfClosed.then(() => call.trailersOnly(0))});
    const slow = new Promise((resolve) => server.handlers.set('/x.S/Slow', (call) => {
      call.respond();
      resolve(call);
    }));
    const gateway = await Gateway.to(programs, address, '', {
      listen: ', max_connection_age: 2s, max_connection_age_grace: 1h'});
    const caller = await Caller.connect(gateway.address);
    const asked = new Promise((resolve) => caller.session.on('goaway', resolve));
    const call = caller.start('/x.S/Slow');
    await call.gotHeaders();
    assert.strictEqual(await atMost(30, asked), 0, 'GOAWAY with NO_ERROR');
    assert.strictEqual(await atMost(3, call.ended), 'late', 'open calls go on');
    const other = await Caller.connect(gateway.address);
    assert.strictEqual((await atMost(20, other.unary('/x.S/Echo', A))).status, 0);
    await (await slow).send(A);
    (await slow).finish(0, [['x-last', 'yes']]);
    await atMost(30, call.ended);
    assert.strictEqual(call.status, 0, call.statusMessage);
    assert.strictEqual(call.messages.length, 1);
    assert.deepStrictEqual(valuesOf(call.trailers, 'x-last'), ['yes']);
    const [last, first] = gateway.calls();
    assert.deepStrictEqual([first.method, first.status, last.method, last.status], ['x.S/Slow', 'OK', 'x.S/Echo', 'OK']);
    assert.notStrictEqual(last.peer, first.peer, 'new calls go over another connection');
    assert.strictEqual(await atMost(30, caller.closed), undefined, 'and then the connection is closed');
  },

  async 'a call that outlasts the grace of an aged connection is recorded as its caller saw it'(programs) {
    const {address} = await upstreamOf({'/x.S/Watch': (call) => call.respond()});
    const gateway = await Gateway.to(programs, address, '', {
      listen: ', max_connection_age: 1s, max_connection_age_grace: 2s'});
    const watch = (await Caller.connect(gateway.address)).start('/x.S/Watch');
    await watch.gotHeaders();
    assert.notStrictEqual(await atMost(30, watch.ended), 'late');
    assert.ok(await within(20, () => gateway.calls()[0].state !== 'open', 500));
    const {end} = gateway.show(gateway.calls()[0].id);
    assert.deepStrictEqual([end.status_code, end.status_message], [watch.status, watch.statusMessage]);
    assert.strictEqual(watch.status, 14);
    assert.deepStrictEqual([end.told, end.ended_by, end.connection_lost], ['status', 'gateway', false]);
  },
};

module.exports = {AGE_CASES};

'use strict';
// The cases of networks_test.js in which a host is gone: its packets are dropped, and nobody says so.

const assert = require('node:assert');
const path = require('node:path');
const {Caller} = require('../harness/grpc_by_hand.js');
const {FarServer, Gateway, atMost, folder, said, sleep, start, within} = require('./parts.js');
const {FAR, NEAR, TwoHosts} = require('./two_hosts.js');

const A = Buffer.from('a');

// A gateway on the near host in front of an upstream on the far one, and a caller of it from here.
async function through(programs, hosts, more = '') {
  const server = await FarServer.start(0, {host: FAR, run: hosts.far});
  const at = `unix:${path.join(folder(), 'listen')}`;
  const gateway = await Gateway.to(programs, server.address, more, {at, run: hosts.near});
  return {gateway, caller: await Caller.connect(gateway.address)};
}

const ended = (call) => (call === 'late' ? call : `${call.status} ${call.statusMessage} ${call.error || ''}`);

// Both ends of a cable: where the other's is out, packets go nowhere; without one's own there is no way at all.
const forBothEnds = (run) => (programs) => Promise.all(['far', 'near'].map(async (end) => {
  const hosts = await TwoHosts.join();
  try {
    await run(programs, hosts, hosts[end]);
  } catch (error) {
    error.stack = `with the ${end} end out: ${error.stack}\n${hosts.connections()}`;
    throw error;
  }
}));

const HOST_CASES = {
  'an upstream whose host is gone is noticed, in silence too': forBothEnds(async (programs, hosts, end) => {
    const [watched, idle] = await Promise.all([through(programs, hosts), through(programs, hosts)]);
    const watch = watched.caller.start('/x.S/Watch');
    await watch.gotHeaders();
    assert.strictEqual(ended(await atMost(20, idle.caller.unary('/x.S/Echo', A))), '0  ');
    assert.strictEqual(await atMost(35, watch.ended), 'late', 'a silent watch stays open');
    hosts.link('down', end);
    // Nothing is sent on the connection of the watch, and a call is on the other, before it is known to be gone.
    for (const call of await Promise.all([watch.ended, idle.caller.unary('/x.S/Echo', A)].map((one) => atMost(30, one)))) {
      assert.strictEqual(call.status, 14, ended(call));
    }
    for (const {caller} of [watched, idle]) {
      for (let i = 0; i < 3; ++i) {
        const call = await atMost(15, caller.unary('/x.S/Echo', A));
        assert.strictEqual(call.status, 14, ended(call));
      }
    }
    assert.ok(await within(10, () => watched.gateway.calls().every((call) => call.state !== 'open'), 500));
    const {status, state} = watched.gateway.calls().find((call) => call.method.endsWith('Watch'));
    assert.deepStrictEqual({status, state}, {status: 'UNAVAILABLE', state: 'upstream_failure'});
  }),

  'an upstream is used again when packets pass again': forBothEnds(async (programs, hosts, end) => {
    const [called, left] = await Promise.all([through(programs, hosts), through(programs, hosts)]);
    for (const {caller} of [called, left]) {
      assert.strictEqual(ended(await atMost(20, caller.unary('/x.S/Echo', A))), '0  ');
    }
    hosts.link('down', end);
    const until = Date.now() + 25000;
    while (Date.now() < until) {
      const call = await atMost(30, called.caller.unary('/x.S/Echo', A));
      assert.strictEqual(call.status, 14, ended(call));
      await sleep(0.5);
    }
    hosts.link('up', end);
    const back = Date.now();
    // Five seconds, and some for a busy machine.
    await Promise.all([called, left].map(async ({caller}, i) => {
      let call;
      const answered = async () => (call = await atMost(9, caller.unary('/x.S/Echo', A))).status === 0;
      assert.ok(await within(9, answered, 100), `${i === 0 ? 'called' : 'not called'} meanwhile: ${ended(call)}`);
      assert.ok(Date.now() - back < 9000, `after ${(Date.now() - back) / 1000} s`);
    }));
  }),

  'a caller whose host is gone has its call ended': forBothEnds(async (programs, hosts, end) => {
    const server = await FarServer.start(0, {run: hosts.near});
    const gateway = await Gateway.to(programs, server.address, '', {
      at: `${NEAR}:0`, listen: ', insecure: true', rest: 'identity: {anonymous: true}\n', run: hosts.near});
    const caller = start(hosts.far[0], [...hosts.far.slice(1), process.execPath, path.join(__dirname, 'far_caller.js'), gateway.address]);
    await said(caller, /open/);
    assert.ok(!server.process.text.includes('cancelled'), server.process.text);
    hosts.link('down', end);
    await said(server.process, /cancelled/, 35);  // thirty, and some for a busy machine
    assert.ok(await within(10, () => gateway.calls()[0].state === 'cancelled', 500), JSON.stringify(gateway.calls()[0]));
    assert.strictEqual(gateway.calls()[0].connection_lost, true);
  }),
};

module.exports = {HOST_CASES};

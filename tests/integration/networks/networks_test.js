#!/usr/bin/env node
'use strict';
// The gateway between networks that are not loopback's best day: connections that close, fill up, fall silent or move,
// callers and upstreams that vanish, and readers that do not read.
//
//     networks_test.js --sallyportd PROGRAM --sallyport PROGRAM [--only one_host|two_hosts] [CASE...]
//
// Status 77: what ran held, and something could not run here.
// The cases run side by side, for most of them wait. Bounds are those that gateway/README.md promises, and some for a
// busy machine.

const assert = require('node:assert');
const path = require('node:path');
const {spawnSync} = require('node:child_process');
const {parseArgs} = require('node:util');
const {Caller, Upstream, valuesOf} = require('../harness/grpc_by_hand.js');
const {AGE_CASES} = require('./age_cases.js');
const {HOST_CASES} = require('./host_cases.js');
const {FarServer, Gateway, NameServer, atMost, descriptorSet, folder, freePort, nginx, said, sleep, start, within} = require('./parts.js');
const {TwoHosts} = require('./two_hosts.js');

const SKIPPED_STATUS = 77;
const A = Buffer.from('a');
const echo = (call) => call.halfClosed.then(() => {
  call.respond();
  return call.send(Buffer.from('b'));
}).then(() => call.finish(0));
const stayOpen = (call) => call.respond();

async function upstream(handlers, settings = {}) {
  const server = new Upstream(handlers);
  if (Object.keys(settings).length > 0) server.server.updateSettings(settings);
  return {server, address: await server.listen()};
}

// Makes `count` calls, `together` at a time. Returns how many ended how, but for OK.
async function failures(callers, count, together = 30) {
  const failed = {};
  await Promise.all(Array.from({length: together}, async (_, i) => {
    while (count-- > 0) {
      const call = await callers[i % callers.length].unary('/x.S/Echo', A);
      if (call.status === 0) continue;
      const how = `${call.status} ${call.statusMessage} ${call.error || ''}`;
      failed[how] = (failed[how] || 0) + 1;
    }
  }));
  return failed;
}

const CASES = {
  async 'calls that an upstream has not processed are sent again: connections of 100 requests'(programs) {
    const {address} = await upstream({'/x.S/Echo': echo});
    const port = await freePort();
    await nginx(`upstream u { server ${address}; keepalive 32; } server { listen 127.0.0.1:${port} http2;` +
                ' keepalive_requests 100; location / { grpc_pass grpc://u; } }', port);
    const gateway = await Gateway.to(programs, `127.0.0.1:${port}`);
    const callers = await Promise.all([1, 2, 3].map(() => Caller.connect(gateway.address)));
    assert.deepStrictEqual(await failures(callers, 3000), {});
  },

  async 'calls that an upstream has not processed are sent again: connections that close in order once a second'(programs) {
    const {server, address} = await upstream({'/x.S/Echo': echo});
    const gateway = await Gateway.to(programs, address);
    const callers = await Promise.all([1, 2, 3].map(() => Caller.connect(gateway.address)));
    let closed = 0;
    const closing = setInterval(() => {
      for (const session of server.sessions) {
        ++closed;
        session.close();  // GOAWAY with the last stream that it takes, and the end when these are over
      }
    }, 1000);
    const failed = {};
    const until = Date.now() + 5000;
    while (Date.now() < until) Object.assign(failed, await failures(callers, 300));
    clearInterval(closing);
    assert.deepStrictEqual(failed, {});
    assert.ok(closed >= 3, `only ${closed} connections were closed`);
  },

  async 'a call that the upstream refuses before it looks at it is sent again whole, and not for ever'(programs) {
    const set = descriptorSet('syntax = "proto3"; package x; message M {} service S { rpc Unary(M) returns (M); }');
    for (const path of ['/x.S/Unary', '/x.S/Stream']) {
      let left = 2;
      let tried = 0;
      const received = [];
      const {address} = await upstream({[path]: async (call) => {
        ++tried;
        if (left-- > 0) return call.stream.close(7);  // REFUSED_STREAM
        received.push(...(await call.gotMessages(path === '/x.S/Stream' ? 2 : 1)).messages.map(({payload}) => String(payload)));
        return echo(call);
      }});
      const gateway = await Gateway.to(programs, address, '', {rest: `descriptors: [{file: "${set}"}]`});
      const caller = await Caller.connect(gateway.address);
      const ask = async (first) => {
        const call = caller.start(path);
        call.send(first);
        if (path === '/x.S/Stream') call.send(Buffer.from('c'));
        call.halfClose();
        assert.notStrictEqual(await atMost(20, call.ended), 'late', path);
        return call;
      };
      assert.strictEqual((await ask(Buffer.alloc(0))).status, 0, path);
      assert.deepStrictEqual(received, path === '/x.S/Stream' ? ['', 'c'] : [''], path);
      assert.strictEqual(tried, 3, path);
      left = Infinity;
      tried = 0;
      const refused = await ask(Buffer.alloc(0));
      assert.strictEqual(refused.status, 14, path);
      assert.match(refused.statusMessage, /RST_STREAM with error code 7/, path);
      assert.strictEqual(tried, 5, path);
      // A request that is longer than what is kept.
      tried = 0;
      assert.strictEqual((await ask(Buffer.alloc(300 << 10))).status, 14, path);
      // A stream may have been refused before there was a request to keep.
      if (path === '/x.S/Unary') assert.strictEqual(tried, 1);
      assert.deepStrictEqual(gateway.calls().map((call) => call.status_code), [14, 14, 0], path);
    }
  },

  async 'a call that the upstream may have processed is not sent again, whatever its status says'(programs) {
    let tried = 0;
    const {server, address} = await upstream({
      '/x.S/Behind': (call) => ++tried && call.trailersOnly(14, [['grpc-message', 'GOAWAY received']]),
      '/x.S/Refuses': (call) => ++tried && call.trailersOnly(14, [['grpc-message', 'Received RST_STREAM with error code 7']]),
      '/x.S/Headers': (call) => ++tried && (call.respond(), setTimeout(() => call.stream.close(7), 50)),
      '/x.S/Resets': (call) => ++tried && call.stream.close(2),
      '/x.S/Breaks': (call) => ++tried && call.stream.session.destroy(),
      '/x.S/Leaves': (call) => {
        ++tried;
        call.stream.session.goaway(0, call.stream.id);
        setTimeout(() => call.stream.session.destroy(), 100);
      },
    });
    const gateway = await Gateway.to(programs, address);
    const caller = await Caller.connect(gateway.address);
    for (const path of server.handlers.keys()) {
      tried = 0;
      const call = await atMost(20, caller.unary(path, A));
      assert.notStrictEqual(call, 'late', path);
      assert.ok(call.status === 14 || call.status === 13 || call.status === 2, `${path}: ${call.status} ${call.statusMessage}`);
      assert.strictEqual(tried, 1, path);
    }
  },

  async "a caller's own count of attempts reaches the upstream"(programs) {
    const {server, address} = await upstream({'/x.S/Echo': echo});
    let seen;
    server.handlers.set('/x.S/Echo', (call) => {
      seen = valuesOf(call.fields, 'grpc-previous-rpc-attempts');
      return echo(call);
    });
    const gateway = await Gateway.to(programs, address);
    const call = await (await Caller.connect(gateway.address)).unary('/x.S/Echo', A, [['grpc-previous-rpc-attempts', '2']]);
    assert.strictEqual(call.status, 0);
    assert.deepStrictEqual(seen, ['2']);
  },

  async "one caller's long streams do not starve another's calls"(programs) {
    const {address} = await upstream({'/x.S/Echo': echo, '/x.S/Watch': stayOpen}, {maxConcurrentStreams: 5});
    const gateway = await Gateway.to(programs, address, ', connections: {most: 3}');
    const one = await Caller.connect(gateway.address);
    const other = await Caller.connect(gateway.address);
    const watches = Array.from({length: 12}, () => one.start('/x.S/Watch'));
    await Promise.all(watches.map((watch) => watch.gotHeaders()));
    const call = await atMost(10, other.unary('/x.S/Echo', A));
    assert.strictEqual(call.status, 0, 'with 12 streams of another caller open');
    // 3 × 5 are all there is.
    const last = Array.from({length: 3}, () => one.start('/x.S/Watch'));
    await Promise.all(last.map((watch) => watch.gotHeaders()));
    const refused = await atMost(10, other.unary('/x.S/Echo', A));
    assert.strictEqual(refused.status, 8);
    assert.match(refused.statusMessage, /upstream up takes 5 calls at a time on one connection, and all 3 \(upstreams\.up\.connections\.most\) are full/);
    for (const watch of watches) watch.cancel();
    assert.ok(await within(20, async () => (await other.unary('/x.S/Echo', A)).status === 0), 'free again');
  },

  async 'the first calls of all do not pile up on one connection'(programs) {
    const {address} = await upstream({'/x.S/Watch': stayOpen}, {maxConcurrentStreams: 5});
    const gateway = await Gateway.to(programs, address);
    const caller = await Caller.connect(gateway.address);
    const watches = Array.from({length: 40}, () => caller.start('/x.S/Watch'));
    const all = await atMost(20, Promise.all(watches.map((watch) => watch.gotHeaders())));
    assert.notStrictEqual(all, 'late');
    assert.ok(watches.every((watch) => watch.status === undefined), '8 × 5 are open');
  },

  async "what an upstream's answer does to a connection ends nobody else's call"(programs) {
    const {address} = await upstream({
      '/x.S/Watch': stayOpen,
      '/x.S/Bad': (call) => call.halfClosed.then(() => {
        call.respond();
        call.finish(0, [['x-joined-bin', 'AAE=, AgM=']]);
      }),
    });
    for (const share of ['caller_connection', 'identity']) {
      const keys = path.join(folder(), 'keys');
      const key = (subject) => spawnSync(programs.sallyport, [
        'keys', 'issue-api-key', '--file', keys, '--subject', subject, '--expires', '1d'], {encoding: 'utf8'})
        .stdout.match(/sallyport_\S+/)[0];
      const [ann, bob] = [key('ann'), key('bob')];
      const gateway = await Gateway.to(programs, address, `, connections: {share: ${share}}`,
                                       {rest: `identity: {api_keys: {file: ${keys}}}\n`});
      const connect = (who) => Caller.connect(gateway.address, {always: [['authorization', `Bearer ${who}`]]});
      const watch = (await connect(ann)).start('/x.S/Watch');
      await watch.gotHeaders();
      const bad = await atMost(20, (await connect(bob)).unary('/x.S/Bad', A));
      assert.ok(bad.status !== 0, 'the trailer is malformed');
      assert.strictEqual(await atMost(1, watch.ended), 'late', `with share: ${share} the other's watch is still open`);
    }
  },

  async 'an upstream whose process has stopped is noticed by keepalive'(programs) {
    const server = await FarServer.start();
    const gateway = await Gateway.to(programs, server.address, ', keepalive: {time: 2s, timeout: 2s}');
    const caller = await Caller.connect(gateway.address);
    const watch = caller.start('/x.S/Watch');
    await watch.gotHeaders();
    server.stop();
    const unary = caller.unary('/x.S/Echo', A);
    for (const call of [await atMost(30, watch.ended), await atMost(30, unary)]) {
      assert.strictEqual(call.status, 14, call === 'late' ? 'open after 30 s' : call.statusMessage);
    }
  },

  async 'a silent watch is not pinged'(programs) {
    let pings = 0;
    const {server, address} = await upstream({'/x.S/Watch': stayOpen});
    server.server.on('session', (session) => session.on('ping', () => ++pings));
    const gateway = await Gateway.to(programs, address);
    const watch = (await Caller.connect(gateway.address)).start('/x.S/Watch');
    await watch.gotHeaders();
    const before = pings;
    assert.strictEqual(await atMost(30, watch.ended), 'late');
    assert.strictEqual(pings, before, 'servers end connections that ping more often than every five minutes');
  },

  async 'a caller that has vanished has its call ended'(programs) {
    const {server, address} = await upstream({});
    const cancelled = new Promise((resolve) => server.handlers.set('/x.S/Watch', (call) => {
      stayOpen(call);
      call.ended.then(resolve);
    }));
    const gateway = await Gateway.to(programs, address, '', {listen: ', keepalive: {time: 2s, timeout: 2s}'});
    const caller = start(process.execPath, [path.join(__dirname, 'far_caller.js'), gateway.address]);
    await said(caller, /open/);
    caller.kill('SIGSTOP');
    assert.notStrictEqual(await atMost(30, cancelled), 'late', 'the upstream sees the cancel');
    assert.ok(await within(10, () => gateway.calls()[0].state === 'cancelled', 500), JSON.stringify(gateway.calls()[0]));
  },

  async 'callers may ping as gRPC clients do'(programs) {
    const {address} = await upstream({'/x.S/Watch': stayOpen});
    const gateway = await Gateway.to(programs, address);
    const caller = await Caller.connect(gateway.address);
    let goaway;
    caller.session.on('goaway', (code) => (goaway = code));
    const watch = caller.start('/x.S/Watch');
    await watch.gotHeaders();
    for (let i = 0; i < 8; ++i) {
      await new Promise((resolve) => caller.session.ping(resolve));
      await sleep(1.2);
    }
    assert.strictEqual(goaway, undefined);
    assert.strictEqual(await atMost(0.1, watch.ended), 'late');
  },

  async 'an upstream that is back is used again'(programs) {
    let server = await FarServer.start();
    const port = server.address.split(':')[1];
    const gateway = await Gateway.to(programs, server.address);
    const caller = await Caller.connect(gateway.address);
    assert.strictEqual((await caller.unary('/x.S/Echo', A)).status, 0);
    await server.kill();
    const until = Date.now() + 25000;
    while (Date.now() < until) {
      assert.strictEqual((await caller.unary('/x.S/Echo', A)).status, 14);
      await sleep(0.5);
    }
    server = await FarServer.start(port);
    assert.ok(await within(8, async () => (await caller.unary('/x.S/Echo', A)).status === 0));
  },

  async 'names get new addresses and lose old ones'(programs) {
    const names = new NameServer(['127.0.0.2']);
    const port = await freePort();
    const at = async (host) => {
      const server = start(process.execPath, [path.join(__dirname, 'far_server.js'), String(port), host]);
      await said(server, /listening/);
    };
    await at('127.0.0.2');
    const gateway = await Gateway.to(programs, `dns://${await names.listen()}/up.test:${port}`);
    const caller = await Caller.connect(gateway.address);
    const hosts = async () => {
      const seen = new Set();
      for (let i = 0; i < 12; ++i) {
        const call = await caller.unary('/x.S/Echo', A);
        seen.add(valuesOf(call.blocks[0].fields, 'x-host')[0] || `status ${call.status}`);
      }
      return [...seen].sort().join(' ');
    };
    assert.strictEqual(await hosts(), '127.0.0.2');
    const watch = caller.start('/x.S/Watch');
    await watch.gotHeaders();
    await at('127.0.0.3');
    names.addresses = ['127.0.0.2', '127.0.0.3'];
    assert.ok(await within(60, async () => await hosts() === '127.0.0.2 127.0.0.3', 1000));
    names.addresses = ['127.0.0.3'];
    assert.ok(await within(60, async () => await hosts() === '127.0.0.3', 1000));
    assert.strictEqual(await atMost(0.1, watch.ended), 'late', 'open calls stay where they are');
    names.close();
  },

  async 'the authority that the upstream sees'(programs) {
    const {server, address} = await upstream({});
    let seen;
    server.handlers.set('/x.S/Echo', (call) => {
      [seen] = valuesOf(call.fields, ':authority');
      return echo(call);
    });
    const plain = await Gateway.to(programs, address);
    await (await Caller.connect(plain.address, {authority: 'pay.example:443'})).unary('/x.S/Echo', A);
    assert.strictEqual(seen, 'pay.example:443');
    await (await Caller.connect(plain.address, {authority: '%2Frun%2Fx.sock'})).unary('/x.S/Echo', A);
    assert.strictEqual(seen, address);
    const named = await Gateway.to(programs, address, ', authority: payments.internal');
    await (await Caller.connect(named.address)).unary('/x.S/Echo', A);
    assert.strictEqual(seen, 'payments.internal');
  },

  async 'deadlines of routes'(programs) {
    const {server, address} = await upstream({});
    let timeout;
    server.handlers.set('/x.S/Watch', (call) => {
      [timeout] = valuesOf(call.fields, 'grpc-timeout');
      call.respond();
    });
    const route = (rest) => `routes: [{services: ["*"], upstream: up, ${rest}}]\n`;
    const bounded = await Gateway.to(programs, address, '', {rest: route('deadline: {default: 1s, most: 3s}')});
    const caller = await Caller.connect(bounded.address);
    const none = caller.start('/x.S/Watch');
    const late = caller.start('/x.S/Watch', [['grpc-timeout', '1H']]);
    const without = await atMost(20, none.ended);
    assert.strictEqual(without.status, 4);
    assert.match(without.statusMessage, /route gives calls like this 1s/);
    assert.match((await atMost(20, late.ended)).statusMessage, /route gives calls like this 3s/);
    assert.match(timeout, /^(\d{1,4}m|[1-3]S|\d{1,7}[un])$/, 'the upstream sees what is left');
    const idle = await Gateway.to(programs, address, '', {rest: route('idle: 1s')});
    const silent = await atMost(20, (await Caller.connect(idle.address)).start('/x.S/Watch').ended);
    assert.strictEqual(silent.status, 4);
    assert.match(silent.statusMessage, /no message has passed for 1s/);
  },

  async 'streams that nobody reads are bounded, and what they held goes back'(programs) {
    const streams = 50;
    const chunk = Buffer.alloc(100000, 7);
    const {address} = await upstream({'/x.S/Fast': async (call) => {
      call.respond();
      while (!call.gone) await Promise.race([call.send(chunk), call.ended]);
    }});
    const gateway = await Gateway.to(programs, address);
    const caller = await Caller.connect(gateway.address);
    await caller.unary('/x.S/None', A);
    const before = gateway.residentMiB;
    for (let burst = 0; burst < 3; ++burst) {
      const open = Array.from({length: streams}, () => {
        const call = caller.start('/x.S/Fast');
        call.stream.removeAllListeners('data');
        call.stream.pause();
        return call;
      });
      // Until nothing has been added for two seconds: what has waited for its reader that long is given back afterwards.
      let most = 0;
      for (let still = 0, samples = 0; still < 8 && samples < 240; ++still, ++samples) {
        await sleep(0.25);
        const held = gateway.residentMiB - before;
        if (held > most) [most, still] = [held, 0];
      }
      for (const call of open) call.cancel();
      await Promise.all(open.map((call) => call.ended));
      // A MiB for each, and again as much for what lies between its places; in each burst anew.
      assert.ok(most < streams * 2, `${most.toFixed(0)} MiB in burst ${burst}`);
      assert.ok(await within(15, () => gateway.residentMiB - before < 40), `${(gateway.residentMiB - before).toFixed(0)} MiB stay`);
    }
  },
};

async function main() {
  const {values: programs, positionals} = parseArgs({
    options: {sallyportd: {type: 'string'}, sallyport: {type: 'string'}, only: {type: 'string'}}, allowPositionals: true});
  let broken = 0;
  const kinds = {one_host: {...CASES, ...AGE_CASES}, two_hosts: HOST_CASES};
  const asked = Object.entries(programs.only ? kinds[programs.only] : {...kinds.one_host, ...kinds.two_hosts})
      .filter(([name]) => positionals.every((part) => name.includes(part)));
  const missing = TwoHosts.missing();
  const chosen = asked.filter(([name]) => missing === undefined || !(name in HOST_CASES));
  for (const [name] of asked) {
    if (!chosen.some(([other]) => other === name)) console.log(`SKIPPED ${name}: ${missing.trim()}`);
  }
  await Promise.all(chosen.map(async ([name, run]) => {
    const began = Date.now();
    try {
      await run(programs);
      console.log(`kept    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      ++broken;
      console.log(`BROKEN  ${name}: ${error.stack}`);
    }
  }));
  console.log(`${chosen.length - broken} promises kept, ${broken} broken`);
  process.exit(broken > 0 || asked.length === 0 ? 1 : chosen.length < asked.length ? SKIPPED_STATUS : 0);
}

main();

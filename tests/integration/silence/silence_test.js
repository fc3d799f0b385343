#!/usr/bin/env node
'use strict';
// Connections in silence: a watch on servers of several gRPC libraries in their default settings, through the gateway, and
// callers of these libraries that are silent, or ping as they may. After the silence one message goes in each direction,
// over the connection that was there.
//
//     silence_test.js --sallyportd PROGRAM --sallyport PROGRAM --echo-server PROGRAM [--go-peer PROGRAM] [--minutes 0.4]
//
// `--echo-server` is the benchmark's, in C++. Peers of other languages are beside this file: `peer.* server` echoes streams,
// `peer.* caller ADDRESS KIND` opens one, says so, and asks again when it gets a line. KINDs: "silent", in default
// settings; "pinging" every 10 s while a call is open; "idle", which does so without a call.

const assert = require('node:assert');
const path = require('node:path');
const {parseArgs} = require('node:util');
const {Caller} = require('../harness/grpc_by_hand.js');
const {Gateway, atMost, said, sleep, start} = require('../networks/parts.js');
const {CountingRelay} = require('./counting_relay.js');

const SKIPPED_STATUS = 77;
const METHOD = '/sallyport.benchmark.Echo/Stream';
const MESSAGE = Buffer.from([0x0a, 1, 0x61]);  // bytes field 1
const KINDS = ['silent', 'pinging', 'idle'];

// How a peer of each language is started.
function peers({'go-peer': goPeer}) {
  const beside = (name) => path.join(__dirname, name);
  const all = {
    // Debian's own Python and Ruby, for which it has gRPC.
    'Python': ['/usr/bin/python3', '-B', beside('peer.py')],
    'Ruby': ['/usr/bin/ruby', beside('peer.rb')],
    'grpc-js': [process.execPath, beside('peer.js')],
  };
  if (goPeer) {
    all.Go = [goPeer];
  } else {
    console.log('SKIPPED silence_test, gRPC in Go: golang-go or golang-google-grpc-dev is not installed');
  }
  return all;
}

async function serverOf(words) {
  const server = start(words[0], words.slice(1));
  return (await said(server, /listening on (\S+)/))[1];
}

// A silent watch on one server. Resolves when it is open, with what is to be done when the silence begins, which returns what
// is to be done after it.
async function watch(programs, words) {
  const relay = new CountingRelay(await serverOf(words));
  const gateway = await Gateway.to(programs, await relay.listen());
  const caller = await Caller.connect(gateway.address);
  const call = caller.start(METHOD);
  call.send(MESSAGE);
  await atMost(60, call.gotMessages(1));
  assert.strictEqual(call.messages.length, 1, `no watch: ${call.status} ${call.statusMessage}`);
  return () => {
    const before = relay.pings.client;
    return async () => {
      const pings = relay.pings.client - before;
      call.send(MESSAGE);
      await atMost(30, call.gotMessages(2));
      assert.strictEqual(call.messages.length, 2, `no answer: ${call.status} ${call.statusMessage}; pings: ${pings}`);
      assert.strictEqual(await atMost(1, call.ended), 'late', 'the watch is still open');
      call.halfClose();
      await atMost(30, call.ended);
      assert.strictEqual(call.status, 0, call.statusMessage);
      assert.strictEqual(relay.connections, 1);
      assert.deepStrictEqual(relay.goaways, []);
      // Servers end a connection at the third within five minutes.
      assert.strictEqual(pings, 0, 'pings in silence');
      return 'no ping, no GOAWAY, one connection';
    };
  };
}

// A caller in the same way.
async function callFrom(words, kind, gateway) {
  const relay = new CountingRelay(gateway.address);
  const caller = start(words[0], [...words.slice(1), 'caller', await relay.listen(), kind], {stdio: ['pipe', 'pipe', 'pipe']});
  await said(caller, /open/);
  return () => {
    const before = {...relay.pings};
    return async () => {
      const pings = {client: relay.pings.client - before.client, server: relay.pings.server - before.server};
      caller.stdin.end('\n');
      await said(caller, /answered/);
      assert.notStrictEqual(await atMost(30, caller.ended), 'late');
      assert.strictEqual(relay.connections, 1);
      assert.deepStrictEqual(relay.goaways, []);
      return `it pinged ${pings.client} times and was pinged ${pings.server} times, no GOAWAY, one connection`;
    };
  };
}

async function main() {
  const {values: programs} = parseArgs({options: {
    'sallyportd': {type: 'string'}, 'sallyport': {type: 'string'}, 'echo-server': {type: 'string'}, 'go-peer': {type: 'string'},
    'minutes': {type: 'string', default: '0.4'}}});
  const minutes = Number(programs.minutes);
  assert.ok(minutes > 0, '--minutes');
  const languages = peers(programs);
  const servers = {'C++': [programs['echo-server']]};
  for (const [language, words] of Object.entries(languages)) servers[language] = [...words, 'server'];
  const behind = await Gateway.to(programs, await serverOf(servers['C++']));
  const all = [
    ...Object.entries(servers).map(([language, words]) => [`a watch on a ${language} server`, () => watch(programs, words)]),
    ...Object.entries(languages).flatMap(([language, words]) => KINDS.map(
        (kind) => [`a caller in ${language}, ${kind}`, () => callFrom(words, kind, behind)])),
  ];
  let broken = 0;
  const attempt = async (name, run) => {
    try {
      return await run();
    } catch (error) {
      ++broken;
      console.log(`BROKEN  ${name}: ${error.stack}`);
      return undefined;
    }
  };
  const open = [];
  for (const [name, begin] of all) open.push([name, await attempt(name, begin)]);
  console.log(`silent for ${minutes * 60} s`);
  const silent = open.filter(([, begun]) => begun !== undefined).map(([name, begun]) => [name, begun()]);
  await sleep(minutes * 60);
  for (const [name, after] of silent) {
    const seen = await attempt(name, after);
    if (seen !== undefined) console.log(`kept    ${name}: ${seen}`);
  }
  console.log(`${all.length - broken} promises kept, ${broken} broken`);
  process.exit(broken > 0 ? 1 : programs['go-peer'] ? 0 : SKIPPED_STATUS);
}

main();

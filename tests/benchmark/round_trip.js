#!/usr/bin/env node
'use strict';
// What a window costs on a long way: one stream of 64 MiB through the gateway, with a delay behind it (from the upstream to the
// caller) or in front of it (from the caller to the upstream), in turns with each window. See README.md.
//
//     round_trip.js --bin DIRECTORY [--round-trip 50] [--windows 1MiB,16MiB] [--mebibytes 64] [--rounds 5] [--durability commit]

const path = require('node:path');
const {parseArgs} = require('node:util');
const {Caller, Upstream} = require('../integration/harness/grpc_by_hand.js');
const {Gateway, said, start} = require('../integration/networks/parts.js');

const MESSAGE = Buffer.alloc(64 << 10, 1);
const DOWN = '/x.S/Down';
const UP = '/x.S/Up';
// Of caller and upstream: so that only the gateway's counts.
const ENDLESS = 64 << 20;

// The upstream, in a process of its own: sends as many messages as metadata says, or takes what comes.
async function serve() {
  const upstream = new Upstream({
    [DOWN]: async (call) => {
      const count = Number(call.fields.find(([name]) => name === 'x-messages')[1]);
      call.respond();
      for (let i = 0; i < count; ++i) await call.send(MESSAGE);
      call.finish(0);
    },
    [UP]: (call) => call.halfClosed.then(() => {
      call.trailersOnly(0, [['x-messages', String(call.messages.length)]]);
    }),
  });
  upstream.server.updateSettings({initialWindowSize: ENDLESS});
  upstream.server.on('session', (session) => session.setLocalWindowSize(ENDLESS));
  console.log(`listening on ${await upstream.listen()}`);
}

async function listening(words) {
  return (await said(start(process.execPath, words), /listening on (\S+)/))[1];
}

const delayed = (address, roundTrip) => listening([path.join(__dirname, 'delay_relay.js'), address, String(roundTrip / 2)]);

async function connect(address) {
  const caller = await Caller.connect(address);
  caller.session.settings({initialWindowSize: ENDLESS});
  caller.session.setLocalWindowSize(ENDLESS);
  await caller.unary('/x.S/None', Buffer.alloc(0));  // the way is open, and the settings are known
  return caller;
}

// MB/s of one stream. What is kept of a message is dropped at once.
async function down(caller, count) {
  const began = performance.now();
  const call = caller.start(DOWN, [['x-messages', String(count)]]);
  let got = 0;
  call.on('message', () => {
    ++got;
    call.messages.length = 0;
  });
  call.halfClose();
  await call.ended;
  return rate(call, got, count, began);
}

async function up(caller, count) {
  const began = performance.now();
  const call = caller.start(UP);
  for (let i = 0; i < count; ++i) await call.send(MESSAGE);
  call.halfClose();
  await call.ended;
  const told = call.trailers.find(([name]) => name === 'x-messages');
  return rate(call, told === undefined ? 0 : Number(told[1]), count, began);
}

function rate(call, got, count, began) {
  if (call.status !== 0 || got !== count) {
    throw new Error(`${got} of ${count} messages: ${call.status} ${call.statusMessage} ${call.error || ''}`);
  }
  return count * MESSAGE.length / 1e6 / ((performance.now() - began) / 1000);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function main() {
  const {values: chosen} = parseArgs({options: {
    'bin': {type: 'string', default: path.join(__dirname, '../../build/release/bin')},
    'round-trip': {type: 'string', default: '50'}, 'windows': {type: 'string', default: '1MiB,16MiB'},
    'mebibytes': {type: 'string', default: '64'}, 'rounds': {type: 'string', default: '5'},
    'durability': {type: 'string', default: 'commit'}}});
  const [roundTrip, mebibytes, rounds] = [chosen['round-trip'], chosen.mebibytes, chosen.rounds].map(Number);
  const count = mebibytes * 16;
  const programs = {sallyportd: path.join(chosen.bin, 'sallyportd')};
  const upstream = await listening([__filename, 'upstream']);
  const far = await delayed(upstream, roundTrip);
  const gateways = [];
  for (const window of chosen.windows.split(',')) {
    const options = {data: `, durability: ${chosen.durability}`, rest: `limits: {window: ${window}}\n`};
    const behind = await Gateway.to(programs, far, '', options);
    const before = await Gateway.to(programs, upstream, '', options);
    gateways.push({
      window, figures: {down: [], up: []},
      down: await connect(behind.address), up: await connect(await delayed(before.address, roundTrip)),
    });
  }
  for (let round = 0; round < rounds; ++round) {
    for (const gateway of gateways) {
      gateway.figures.down.push(await down(gateway.down, count));
      gateway.figures.up.push(await up(gateway.up, count));
    }
  }
  const shown = (values) => `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`;
  console.log(`One stream of ${mebibytes} MiB in messages of 64 KiB, ${roundTrip} ms round trip, durability ${chosen.durability}; ` +
              `MB/s, median of ${rounds} (least–most):\n`);
  console.log('| window | from an upstream that is far away | from a caller that is far away |\n|---|---|---|');
  for (const {window, figures} of gateways) console.log(`| ${window} | ${shown(figures.down)} | ${shown(figures.up)} |`);
  process.exit(0);
}

if (process.argv[2] === 'upstream') {
  serve();
} else {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

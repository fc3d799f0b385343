'use strict';
// The soak's upstream: answers as soak.proto says, in a mood that lines on stdin change: "well", "slow" (each message waits
// 300 ms), "mixed" (those of every tenth call do), "resetting" (a third of the calls are reset, some take their connection with
// them, and before some it is asked to end; the others are answered).
//   node upstream.js PORT      (0: any)

const readline = require('node:readline');
const {Upstream} = require('../integration/harness/grpc_by_hand.js');
const {PATH, blob, bytesOf} = require('./soak_calls.js');

const REFUSED_STREAM = 7;
const INTERNAL_ERROR = 2;
const SLOW_MS = 300;
let mood = 'well';
let turn = 0;
let calls = 0;

async function send(call, message) {
  if (mood === 'slow' || (mood === 'mixed' && call.number % 10 === 0)) await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  return call.send(message);
}

const handlers = {
  async Unary(call) {
    await call.halfClosed;
    call.respond();
    await send(call, call.messages[0].payload);
  },
  async ClientStream(call) {
    await call.halfClosed;
    call.respond();
    await send(call, blob(Buffer.concat(call.messages.map(({payload}) => bytesOf(payload)))));
  },
  async ServerStream(call) {
    await call.halfClosed;
    call.respond();
    for (let i = 0; i < 3; ++i) await send(call, call.messages[0].payload);
  },
  async Bidi(call) {
    call.respond();
    let over = false;
    call.halfClosed.then(() => {
      over = true;
      call.emit('message');
    });
    for (let next = 0; !over || next < call.messages.length;) {
      if (next < call.messages.length) await send(call, call.messages[next++].payload);
      else await Promise.race([new Promise((resolve) => call.once('message', resolve)), call.ended]);
      if (call.gone) return;
    }
  },
  async Endless(call) {
    await call.halfClosed;
    call.respond();
    while (!call.gone) await Promise.race([call.send(call.messages[0].payload), call.ended]);
  },
};

async function answer(name, call) {
  call.number = ++calls;
  if (mood === 'resetting' && name !== 'Endless') {
    ++turn;
    if (turn % 3 === 0) return call.stream.close(turn % 2 ? REFUSED_STREAM : INTERNAL_ERROR);
    if (turn % 30 === 1) return call.stream.session.destroy();
    if (turn % 30 === 2) call.stream.session.goaway(0);
  }
  try {
    await handlers[name](call);
    if (!call.gone) call.finish();
  } catch (error) {
    // Of a call that is over its request may be missing.
    if (!call.gone && !call.stream.aborted) throw error;
  }
}

const upstream = new Upstream(Object.fromEntries(
    Object.keys(handlers).map((name) => [PATH + name, (call) => answer(name, call)])));
upstream.server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${upstream.server.address().port}`);
});
readline.createInterface({input: process.stdin}).on('line', (line) => (mood = line));

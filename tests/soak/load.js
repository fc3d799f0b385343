'use strict';
// The soak's callers by hand: they know what came over the wire, and what did not.
//   node load.js ADDRESS LEDGER CALLS_A_SECOND
// Makes calls until SIGTERM, over connections that are made again when they are gone; prints "over" then.

const {Caller, frame} = require('../integration/harness/grpc_by_hand.js');
const {Ledger, PATH, blob, isRight, nextCall} = require('./soak_calls.js');

const CONNECTIONS = 3;
const MOST_OPEN = 400;
const PACE_MS = 20;
const DEADLINE = '10S';
// When a call counts as hung: long after its deadline.
const HUNG_MS = 30000;

const [address, file, rate] = process.argv.slice(2);
const ledger = new Ledger(file);
const callers = new Array(CONNECTIONS).fill(undefined);
let open = 0;
let ending = false;

async function keepConnected(i) {
  while (!ending) {
    try {
      callers[i] = await Caller.connect(address);
      await callers[i].closed;
    } catch {
      // The gateway is away.
    }
    callers[i] = undefined;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function make(caller) {
  const call = nextCall();
  const began = performance.now();
  const made = caller.start(PATH + call.method, [['traceparent', call.traceparent], ['grpc-timeout', DEADLINE]]);
  for (const request of call.requests) made.stream.write(frame(blob(request)));
  made.halfClose();
  let hung = false;
  const tooLong = setTimeout(() => {
    hung = true;
    made.cancel();
  }, HUNG_MS);
  await made.ended;
  clearTimeout(tooLong);
  const {status} = made;
  ledger.add(call, {status, hung, began, exact: true, message: made.statusMessage,
                    right: isRight(call, made.messages.map(({payload}) => payload), status)});
}

for (let i = 0; i < CONNECTIONS; ++i) keepConnected(i);
let due = 0;
setInterval(() => {
  due = Math.min(due + (rate * PACE_MS) / 1000, rate);
  for (; due >= 1 && open < MOST_OPEN; --due) {
    const up = callers.filter((caller) => caller && !caller.session.closed && !caller.session.destroyed);
    if (ending || up.length === 0) return;
    ++open;
    make(up[Math.floor(due) % up.length]).catch(() => {}).finally(() => --open);
  }
}, PACE_MS);
process.on('SIGTERM', () => {
  ending = true;
  setInterval(() => {
    if (open > 0) return;
    console.log('over');
    process.exit(0);
  }, PACE_MS);
});

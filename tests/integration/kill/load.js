'use strict';
// Makes calls until the connection breaks, and prints which of them came back OK.
//   node load.js ADDRESS CYCLE METHODS HELD
// First HELD calls of the method Hold, which are never answered; then the methods M0, M1, ... each once, many at a time.
// Every request is CYCLE + 1 bytes long, so that method and length together name a call.
// Prints "held", then "acknowledged <n>" for each call M<n> whose OK arrived, at last "over <methods tried>".

const {Caller, frame} = require('../harness/grpc_by_hand.js');

const CONNECTIONS = 4;
const AT_A_TIME = 12;  // on each connection

async function main(address, cycle, methods, held) {
  const callers = await Promise.all(Array.from({length: CONNECTIONS}, () => Caller.connect(address)));
  const payload = Buffer.alloc(cycle + 1, 1);
  const holds = [];
  for (let i = 0; i < held; ++i) {
    const hold = callers[i % CONNECTIONS].start('/sallyport.test.Mark/Hold');
    hold.stream.end(frame(payload));
    holds.push(hold);
  }
  await Promise.all(holds.map((hold) => hold.gotHeaders()));
  console.log('held');
  let next = 0;
  async function chain(caller) {
    while (next < methods && !caller.session.closed && !caller.session.destroyed) {
      const number = next++;
      const call = await caller.unary(`/sallyport.test.Mark/M${number}`, payload);
      if (call.status === 0 && call.messages.length === 1) console.log(`acknowledged ${number}`);
    }
  }
  await Promise.all(callers.flatMap((caller) => Array.from({length: AT_A_TIME}, () => chain(caller))));
  console.log(`over ${next}`);
  await Promise.all(callers.map((caller) => caller.closed));
}

const [address, cycle, methods, held] = process.argv.slice(2);
main(address, Number(cycle), Number(methods), Number(held));

'use strict';
// Opens streams that answer without end, and reads nothing of them.
//   node stalled_readers.js ADDRESS STREAMS
// Prints "open" once each has been begun, and stays until it is ended.

const {Caller, frame} = require('../integration/harness/grpc_by_hand.js');
const {PATH, blob} = require('./soak_calls.js');

const ON_ONE = 100;

async function main(address, streams) {
  for (let begun = 0; begun < streams;) {
    const caller = await Caller.connect(address);
    for (let i = 0; i < ON_ONE && begun < streams; ++i, ++begun) {
      const call = caller.start(`${PATH}Endless`);
      call.stream.removeAllListeners('data');
      call.stream.pause();
      call.stream.end(frame(blob(Buffer.alloc(16384, 1))));
    }
  }
  console.log('open');
}

process.on('uncaughtException', () => {});  // the gateway may go at any time
setInterval(() => {}, 1000);
const [address, streams] = process.argv.slice(2);
main(address, Number(streams)).catch(() => console.log('open'));

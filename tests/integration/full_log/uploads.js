'use strict';
// Streams that carry what cannot be compressed until somebody ends them.
//   node uploads.js upstream            takes in whatever comes, and answers when that is all
//   node uploads.js ADDRESS CALLS       uploads, each on a connection of its own; one JSON line for each that has ended:
//                                       {"status": n, "message": text, "sent": messages}

const crypto = require('node:crypto');
const {Caller, Upstream} = require('../harness/grpc_by_hand.js');

const MESSAGE_BYTES = 64 * 1024;

class Sink extends Upstream {
  constructor() {
    super();
    this.handlers = {get: () => (call) => this.take(call)};
  }

  async take(call) {
    call.on('message', () => (call.messages.length = 0));
    await call.halfClosed;
    call.respond();
    call.send(Buffer.alloc(0));
    call.finish();
  }
}

async function upload(address) {
  const caller = await Caller.connect(address);
  const call = caller.start('/sallyport.test.Uploads/Upload');
  let sent = 0;
  // Until the status is there: a stream that is reset does not complete its last write.
  const ended = call.gotHeaders();
  for (let over = false; !over; ++sent) {
    over = await Promise.race([ended.then(() => true), call.send(crypto.randomBytes(MESSAGE_BYTES)).then(() => false)]);
  }
  console.log(JSON.stringify({status: call.status, message: call.statusMessage, sent}));
  caller.close();
}

const [address, calls] = process.argv.slice(2);
if (address === 'upstream') {
  new Sink().listen().then((listening) => console.log(`listening on ${listening}`));
} else {
  Promise.all(Array.from({length: Number(calls)}, () => upload(address)));
}

'use strict';
// Echoes one message per call and prints "seen <method> <bytes>" if it is one of the load's; a call of Hold gets headers only.

const {Upstream} = require('../harness/grpc_by_hand.js');

class Echo extends Upstream {
  constructor() {
    super();
    this.handlers = {get: () => (call) => this.answer(call)};
  }

  async answer(call) {
    await call.gotMessages(1);
    const [{payload}] = call.messages;
    const load = call.path.startsWith('/sallyport.test.Mark/');
    if (load) console.log(`seen ${call.path.split('/').pop()} ${payload.length}`);
    if (call.path.endsWith('/Hold')) return call.respond();
    // A client resets a stream that ended before it was half-closed. Node takes a thousand resets for an attack and ends the
    // connection, which is not what this test is about.
    if (load) await call.halfClosed;
    call.respond();
    call.send(payload);
    call.finish();
  }
}

new Echo().listen().then((address) => console.log(`listening on ${address}`));

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
    if (call.path.startsWith('/sallyport.test.Mark/')) console.log(`seen ${call.path.split('/').pop()} ${payload.length}`);
    call.respond();
    if (call.path.endsWith('/Hold')) return;
    call.send(payload);
    call.finish();
  }
}

new Echo().listen().then((address) => console.log(`listening on ${address}`));

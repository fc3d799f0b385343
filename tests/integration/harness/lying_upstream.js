'use strict';
// An upstream that answers every call, server reflection among them, with INTERNAL and a message that is meant for the log
// of who relays it: it would end the line, begin another one and clear the screen. Only /any.Service/… is echoed.

const {Upstream} = require('./grpc_by_hand.js');

const FORGED = 'gone%0A2026-01-01T00:00:00.000 info all is well%0D%1B[2J%1B]0;title%07%C2%9B31m%E2%80%AE%7F';

class Lying extends Upstream {
  constructor() {
    super();
    this.handlers = {get: () => (call) => this.answer(call)};
  }

  async answer(call) {
    if (!call.path.startsWith('/any.Service/')) {
      call.trailersOnly(13, [['grpc-message', FORGED]]);
      return;
    }
    await call.gotMessages(1);
    call.respond();
    await call.send(call.messages[0].payload);
    call.finish();
  }
}

new Lying().listen().then((address) => console.log(`listening on ${address}`));

'use strict';
// An upstream that prints the metadata of each call as one line, "call <JSON of pairs>", and answers with the request. What
// its method is called decides how: /any.Service/<status code>, or anything else for OK.

const {Upstream} = require('./grpc_by_hand.js');

class Telling extends Upstream {
  constructor() {
    super();
    this.handlers = {get: () => (call) => this.answer(call)};
  }

  async answer(call) {
    await call.gotMessages(1);
    console.log(`call ${JSON.stringify(call.fields)}`);
    const status = Number(call.path.split('/').pop()) || 0;
    if (status !== 0) {
      call.trailersOnly(status, [['grpc-message', 'as it was asked to']]);
      return;
    }
    call.respond();
    await call.send(call.messages[0].payload);
    call.finish();
  }
}

new Telling().listen().then((address) => console.log(`listening on ${address}`));

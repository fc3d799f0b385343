'use strict';
// What scenarios begin with.

const {Caller, valuesOf} = require('../../integration/harness/grpc_by_hand.js');
const {JsClient} = require('./js_peer.js');

const SERVICE = '/sallyport.conformance.Conformance';
// Names the run of a scenario that a call belongs to, in its metadata.
const RUN = 'scenario-run';
const METHODS = {unary: `${SERVICE}/Unary`, clientStream: `${SERVICE}/ClientStream`, serverStream: `${SERVICE}/ServerStream`,
                 bidi: `${SERVICE}/Bidi`};

// A connection made by hand that leads to the upstream made by hand.
async function connect(stage) {
  const caller = await Caller.connect(stage.way.byHand, {authority: 'conformance.example', always: [[RUN, stage.run]]});
  stage.cleanup(() => caller.close());
  return caller;
}

// A client of grpc-js, to the upstream made by hand or to the service by grpc-js.
function client(stage, to, options) {
  const made = new JsClient(stage.way[to], options, {[RUN]: stage.run});
  stage.cleanup(() => made.close());
  return made;
}

// Gives a method of the upstream made by hand its behaviour, and resolves with the first call of it. A call that an earlier
// scenario gave up, and that arrives only now, is turned away.
function atUpstream(stage, method, handler) {
  return new Promise((resolve) => stage.upstream.handlers.set(method, (call) => {
    if (valuesOf(call.fields, RUN)[0] !== stage.run) {
      call.trailersOnly(10);
      return;
    }
    resolve(call);
    handler(call);
  }));
}

// The upstream's usual behaviour: all messages back, then OK.
async function echo(call) {
  await call.halfClosed;
  call.respond();
  for (const {payload, compressed} of call.messages) call.send(payload, compressed);
  call.finish();
}

// A promise and the function that resolves it.
function signal() {
  let give;
  const given = new Promise((resolve) => (give = resolve));
  return {given, give};
}

const text = (value) => Buffer.from(value);

module.exports = {METHODS, connect, client, atUpstream, echo, signal, text};

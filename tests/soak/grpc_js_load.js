'use strict';
// The soak's callers with grpc-js, as it is out of the box.
//   node grpc_js_load.js ADDRESS LEDGER CALLS_A_SECOND GRPC_JS
// Makes calls until SIGTERM; prints "over" then.

const {Ledger, PATH, blob, isRight, nextCall} = require('./soak_calls.js');

const [address, file, rate, library] = process.argv.slice(2);
const grpc = require(library);
const MOST_OPEN = 100;
const PACE_MS = 20;
const DEADLINE_MS = 10000;

const method = (name, requestStream, responseStream) => ({
  path: PATH + name, requestStream, responseStream, requestSerialize: (bytes) => bytes, requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes, responseDeserialize: (bytes) => bytes,
});
const Client = grpc.makeGenericClientConstructor({
  Unary: method('Unary', false, false), ClientStream: method('ClientStream', true, false),
  ServerStream: method('ServerStream', false, true), Bidi: method('Bidi', true, true),
}, 'Soak');
const config = process.env.SOAK_SERVICE_CONFIG;
const client = new Client(address, grpc.credentials.createInsecure(), config ? {'grpc.service_config': config} : {});
const ledger = new Ledger(file);

function make() {
  const call = nextCall();
  const metadata = new grpc.Metadata();
  metadata.set('traceparent', call.traceparent);
  const options = {deadline: Date.now() + DEADLINE_MS};
  const began = performance.now();
  const messages = [];
  return new Promise((resolve) => {
    const end = (error) => {
      const status = error ? error.code : 0;
      ledger.add(call, {status, message: error?.details, right: isRight(call, messages, status), began, exact: false});
      resolve();
    };
    const one = (error, message) => {
      if (message) messages.push(message);
      end(error);
    };
    const streams = call.method === 'Bidi' || call.method === 'ServerStream';
    const asks = call.method === 'Bidi' || call.method === 'ClientStream';
    const made = asks ? client[call.method](...(streams ? [metadata, options] : [metadata, options, one]))
                      : client[call.method](blob(call.requests[0]), ...(streams ? [metadata, options] : [metadata, options, one]));
    if (streams) {
      made.on('data', (message) => messages.push(message));
      made.on('error', () => {});
      made.on('status', (status) => end(status.code === 0 ? null : status));
    }
    if (asks) {
      for (const request of call.requests) made.write(blob(request));
      made.end();
    }
  });
}

let open = 0;
let ending = false;
let due = 0;
setInterval(() => {
  due = Math.min(due + (rate * PACE_MS) / 1000, rate);
  for (; due >= 1 && open < MOST_OPEN && !ending; --due) {
    ++open;
    make().finally(() => --open);
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

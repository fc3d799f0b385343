'use strict';
// What the soak's callers and its upstream have in common: messages, what is asked and what has to come back, and the
// ledger, a file with one JSON object for each call that a caller made.

const crypto = require('node:crypto');
const fs = require('node:fs');

const METHODS = ['Unary', 'ClientStream', 'ServerStream', 'Bidi'];
const PATH = '/sallyport.soak.Soak/';
const LARGE = 100000;

// sallyport.soak.Blob on the wire.
function blob(bytes) {
  const length = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
}

function bytesOf(message) {
  if (message.length === 0) return message;
  let at = 1;
  while (message[at] & 128) ++at;
  return message.subarray(at + 1);
}

// One call to make: which method, what it is found by again, the messages to send and the ones that have to come back.
// Most are small; some do not fit one window.
function nextCall() {
  const method = METHODS[crypto.randomInt(METHODS.length)];
  const trace = crypto.randomBytes(16).toString('hex');
  const size = crypto.randomInt(200) === 0 ? LARGE : 16 + crypto.randomInt(500);
  const message = () => Buffer.concat([Buffer.from(trace), crypto.randomBytes(size)]);
  const requests = method === 'ClientStream' || method === 'Bidi' ? [message(), message(), message()] : [message()];
  const [first] = requests;
  const responses = {Unary: [first], ServerStream: [first, first, first], Bidi: requests,
                     ClientStream: [Buffer.concat(requests)]}[method];
  return {method, trace, traceparent: `00-${trace}-${crypto.randomBytes(8).toString('hex')}-01`, requests, responses};
}

// Whether these messages are what has to come with that status: all of the answer with OK, else as much of it as came.
const isRight = (call, messages, status) =>
  (status === 0 ? messages.length === call.responses.length : messages.length <= call.responses.length) &&
  messages.every((each, i) => bytesOf(each).equals(call.responses[i]));

class Ledger {
  constructor(file) {
    this.file = fs.openSync(file, 'a');
  }

  // `status`: the number that the caller was told, undefined where it was told nothing. `message`: the words with it. `right`: see
  // isRight. `hung`: it was given up long after its deadline. `exact`: whether the status came from the other side for certain, and
  // the call was made once: a gRPC library makes some of its own, and may send a call again.
  add(call, {status, message, right, began, exact, hung}) {
    fs.writeSync(this.file, JSON.stringify({trace: call.trace, method: call.method, status, message, right, exact, hung,
                                            at: Date.now(), milliseconds: Math.round(performance.now() - began)}) + '\n');
  }
}

module.exports = {Ledger, PATH, blob, bytesOf, isRight, nextCall};

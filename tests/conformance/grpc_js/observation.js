'use strict';
// What is seen of a call, put so that two ways can be compared: what the protocol lets an intermediary change is taken out
// here, and nothing else. Everything that is taken out is named here, with the reason.

const assert = require('node:assert');

const NOT_COMPARED = new Map([
  ['user-agent', 'an HTTP/2 hop of gRPC names itself; the original is in the record'],
  ['grpc-accept-encoding', 'says what the next hop understands; the scenarios of encodings look at it'],
  ['accept-encoding', 'concerns HTTP, not gRPC: grpc-js always sends identity'],
  ['grpc-timeout', 'shrinks on the way; the scenarios of deadlines look at it'],
  ['date', 'the time of day'],
  ['scenario-run', 'tells calls of different ways apart'],
  [':scheme', 'the same wherever there is no TLS'],
]);

// Values that mean the same as no value, or as a shorter one.
const SAME_AS = new Map([
  ['content-type application/grpc+proto', 'application/grpc'],
  ['grpc-encoding identity', undefined],
]);

// Of any value: what it is compared as, undefined where it says nothing.
function canonical(name, value) {
  const key = `${name} ${value}`;
  return SAME_AS.has(key) ? SAME_AS.get(key) : value;
}

// Base64 with or without padding, as its bytes.
function binary(value) {
  return {bytes: Buffer.from(value, 'base64').toString('hex')};
}

// Header fields as {name: [values in order]}; the order between different names means nothing in HTTP.
function fields(list) {
  const result = {};
  for (const [name, given] of [...list].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const value = canonical(name, given);
    if (NOT_COMPARED.has(name) || value === undefined) continue;
    (result[name] ||= []).push(
        name.endsWith('-bin') ? binary(value) : name === 'grpc-message' ? percentDecoded(value) : value);
  }
  // A message beside OK says nothing: gRPC's own libraries do not hand it on to applications.
  if (result['grpc-status']?.[0] === '0') delete result['grpc-message'];
  return result;
}

// The text of a grpc-message; what is not a valid escape stands for itself, as the protocol asks.
function percentDecoded(value) {
  const bytes = value.replace(/%([0-9A-Fa-f]{2})|([^\x00-\x7f])|([\x00-\x7f])/gu, (all, hex, wide) =>
      hex ? String.fromCharCode(parseInt(hex, 16)) : wide ? Buffer.from(wide).toString('latin1') : all);
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function metadata(plainMetadata = {}) {
  return Object.fromEntries(Object.entries(plainMetadata).filter(([name]) => !NOT_COMPARED.has(name)).map(
      ([name, values]) => [name, values.map((value) => canonical(name, value))]));
}

function body(bytes) {
  return bytes.length <= 64 ? bytes.toString('hex') : `${bytes.length} bytes, sha256 ${sha256(bytes)}`;
}

function sha256(bytes) {
  return require('node:crypto').createHash('sha256').update(bytes).digest('hex');
}

const messages = (list) => list.map(({payload, compressed}) => (compressed ? 'compressed ' : '') + body(payload));

// A call made by hand, from either side.
const callerSaw = (call) => ({
  blocks: call.blocks.map((block) => ({fields: fields(block.fields), endStream: block.endStream})),
  messages: messages(call.messages),
  ...(call.reset === undefined ? {} : {reset: call.reset}),
});
const upstreamSaw = (call) => ({
  fields: fields(call.fields),
  messages: messages(call.messages),
  ...(call.reset === undefined ? {} : {reset: call.reset}),
});

// A call of grpc-js.
const outcome = ({code, message, headers, trailers, bodies}) => ({
  code, message: code === 0 ? '' : message, headers: metadata(headers), trailers: metadata(trailers), bodies: bodies.map(body),
});

// What differs between two observations, in lines; empty if nothing does.
function difference(found, expected) {
  try {
    assert.deepStrictEqual(found, expected);
    return '';
  } catch (error) {
    return error.message;
  }
}

module.exports = {fields, metadata, body, callerSaw, upstreamSaw, outcome, difference, percentDecoded};

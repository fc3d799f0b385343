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
  [':scheme', 'the same wherever there is no TLS'],
]);

// Base64 with or without padding, as its bytes.
function binary(value) {
  return {bytes: Buffer.from(value, 'base64').toString('hex')};
}

// Header fields as {name: [values in order]}; the order between different names means nothing in HTTP.
function fields(list, {keep = []} = {}) {
  const result = {};
  for (const [name, value] of [...list].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    if (NOT_COMPARED.has(name) && !keep.includes(name)) continue;
    (result[name] ||= []).push(
        name.endsWith('-bin') ? binary(value) : name === 'grpc-message' ? percentDecoded(value) : value);
  }
  return result;
}

// The text of a grpc-message; what is not a valid escape stands for itself, as the protocol asks.
function percentDecoded(value) {
  const bytes = value.replace(/%([0-9A-Fa-f]{2})|([^\x00-\x7f])|([\x00-\x7f])/gu, (all, hex, wide) =>
      hex ? String.fromCharCode(parseInt(hex, 16)) : wide ? Buffer.from(wide).toString('latin1') : all);
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function metadata(plainMetadata = {}) {
  return Object.fromEntries(Object.entries(plainMetadata).filter(([name]) => !NOT_COMPARED.has(name)));
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
  code, message, headers: metadata(headers), trailers: metadata(trailers), bodies: bodies.map(body),
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

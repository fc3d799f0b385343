'use strict';
// Decodes messages of type evasion.Outer as other programs would, with protobufjs and @bufbuild/protobuf.
//   node decode.js EVASIONS.proto DESCRIPTORS < LINES     each a message in base64
// Prints a line for each: JSON of [what protobufjs found, what protobuf-es found]; null where one refuses it. Contents of an
// Any are decoded too.

const fs = require('node:fs');
const readline = require('node:readline');
const protobufjs = require('protobufjs');
const {createFileRegistry, fromBinary} = require('@bufbuild/protobuf');
const {FileDescriptorSetSchema} = require('@bufbuild/protobuf/wkt');

// Bytes as text, so that a search finds what is in them.
function plain(value) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return String(value);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('$')).map(([key, part]) => [key, plain(part)]));
  }
  return value;
}

function attempt(decode) {
  try {
    return decode();
  } catch {
    return null;
  }
}

function withAnys(message, open) {
  if (!message || typeof message !== 'object') return;
  const url = message.type_url ?? message.typeUrl;
  if (typeof url === 'string' && message.value instanceof Uint8Array) message.opened = attempt(() => open(url.split('/').pop(), message.value));
  for (const part of Object.values(message)) withAnys(part, open);
}

async function main(proto, descriptors) {
  const root = protobufjs.loadSync(proto);
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
  function first(name, bytes) {
    const type = root.lookupType(name);
    const message = type.toObject(type.decode(bytes), {});
    withAnys(message, first);
    return message;
  }
  function second(name, bytes) {
    const message = fromBinary(registry.getMessage(name), bytes);
    withAnys(message, second);
    return message;
  }
  for await (const line of readline.createInterface({input: process.stdin})) {
    const bytes = Buffer.from(line, 'base64');
    console.log(JSON.stringify([first, second].map((decode) => plain(attempt(() => decode('evasion.Outer', bytes))))));
  }
}

main(process.argv[2], process.argv[3]);

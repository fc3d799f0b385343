'use strict';
// Prints messages as @bufbuild/protobuf does, a line of JSON for each: what it makes of the message, or {"error": why}.
//   node es_json.js DESCRIPTORS < LINES     each a JSON object with `type` and `bytes` (base64)

const fs = require('node:fs');
const readline = require('node:readline');
const {createFileRegistry, fromBinary, toJson} = require('@bufbuild/protobuf');
const {FileDescriptorSetSchema} = require('@bufbuild/protobuf/wkt');

async function main(descriptors) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
  for await (const line of readline.createInterface({input: process.stdin})) {
    const {type, bytes} = JSON.parse(line);
    let found;
    try {
      const schema = registry.getMessage(type);
      found = {found: toJson(schema, fromBinary(schema, Buffer.from(bytes, 'base64')), {registry, useProtoFieldName: true})};
    } catch (error) {
      found = {error: String(error && error.message)};
    }
    // JSON.stringify makes 0 of -0.
    console.log(JSON.stringify(found, (key, value) => Object.is(value, -0) ? '-0.0' : value));
  }
}

main(process.argv[2]);

'use strict';
// Makes the unary calls given on stdin, one after another on one connection, and prints what came back.
//   node grpc_session.js ADDRESS [CA-FILE] < calls.json     [{"method": "/p.S/M", "request": base64, "metadata": [[k, v], ...]}, ...]
// Prints one JSON line per call: {"status": n, "message": text, "response": base64, "fields": [[k, v], ...]}, the last of
// headers and trailers both.

const fs = require('node:fs');
const {Caller} = require('./grpc_by_hand.js');

async function main(address, authority) {
  const caller = await Caller.connect(address, {ca: authority && fs.readFileSync(authority)});
  for (const {method, request, metadata = []} of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    const call = await caller.unary(method, Buffer.from(request, 'base64'), metadata);
    const response = call.messages.length ? call.messages[0].payload.toString('base64') : null;
    const fields = call.blocks.flatMap((block) => block.fields);
    console.log(JSON.stringify({status: call.status, message: call.statusMessage, response, fields}));
  }
  caller.close();
}

main(process.argv[2], process.argv[3]);

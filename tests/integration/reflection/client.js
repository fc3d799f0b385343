// Asks the server at an address what it serves, with somebody else's client of server reflection, and prints it as JSON:
// the methods of each service, or the error that the whole ended with.
//   client.js ADDRESS [METADATA-NAME VALUE]
'use strict';

const grpc = require('@grpc/grpc-js');
const {Client} = require('grpc-reflection-js');

async function main([address, name, value]) {
  const metadata = new grpc.Metadata();
  if (name) metadata.add(name, value);
  // The client takes no metadata of its own: an interceptor adds it.
  const interceptors = [(options, next) => new grpc.InterceptingCall(next(options), {
    start(headers, listener, start) {
      headers.merge(metadata);
      start(headers, listener);
    },
  })];
  const client = new Client(address, grpc.credentials.createInsecure(), {interceptors});
  const found = {};
  try {
    for (const service of await client.listServices()) {
      const root = await client.fileContainingSymbol(service);
      found[service] = Object.keys(root.lookupService(service).methods).sort();
    }
    console.log(JSON.stringify(found));
  } catch (error) {
    console.log(JSON.stringify({error: error.code ?? String(error)}));
  }
  client.grpcClient?.close?.();
  process.exit(0);
}

main(process.argv.slice(2));

'use strict';
// A server or caller by @grpc/grpc-js in its default settings, which echoes a stream. What it does: see silence_test.js.
//
//     peer.js server
//     peer.js caller ADDRESS silent|pinging|idle

const path = require('node:path');
const readline = require('node:readline');
const {once} = require('node:events');
const {createRequire} = require('node:module');

// Installed by tests/install_node_packages.sh.
const grpc = createRequire(path.join(__dirname, '../../conformance/grpc_js/package.json'))('@grpc/grpc-js');

const METHOD = '/sallyport.benchmark.Echo/Stream';
const MESSAGE = Buffer.from([0x0a, 1, 0x61]);
const asItIs = (bytes) => bytes;

function serve() {
  const server = new grpc.Server();
  server.register(METHOD, (call) => {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
    call.on('error', () => {});
  }, asItIs, asItIs, 'bidi');
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening on 127.0.0.1:${port}`);
  });
}

class Stream {
  constructor(client) {
    this.call = client.makeBidiStreamRequest(METHOD, asItIs, asItIs, new grpc.Metadata(), {});
    this.over = once(this.call, 'status');
  }
  // An 'error' of the call is thrown from here.
  async ask() {
    this.call.write(MESSAGE);
    const [message] = await once(this.call, 'data');
    if (!MESSAGE.equals(message)) throw new Error(`not an answer: ${message}`);
  }
  async end() {
    this.call.end();
    const [{code, details}] = await this.over;
    if (code !== 0) throw new Error(`${code} ${details}`);
  }
}

async function call(address, kind) {
  const options = {};
  if (kind !== 'silent') options['grpc.keepalive_time_ms'] = 10000;
  if (kind === 'idle') options['grpc.keepalive_permit_without_calls'] = 1;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), options);
  let stream = new Stream(client);
  await stream.ask();
  if (kind === 'idle') await stream.end();
  console.log('open');
  const lines = readline.createInterface({input: process.stdin});
  await once(lines, 'line');
  if (kind === 'idle') stream = new Stream(client);
  await stream.ask();
  await stream.end();
  console.log('answered');
  lines.close();
  client.close();
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'server') {
  serve();
} else {
  call(...rest);
}

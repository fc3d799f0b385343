'use strict';
// An upstream for tests that stop it: calls of methods named Echo are answered, others stay open. Says when one is cancelled.
//     far_server.js PORT [HOST]

const http2 = require('node:http2');
const {frame} = require('../harness/grpc_by_hand.js');

const host = process.argv[3] || '127.0.0.1';
const server = http2.createServer();
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  stream.on('aborted', () => console.log('cancelled'));
  stream.resume();
  const respond = (options) => {
    if (!stream.destroyed) stream.respond({':status': 200, 'content-type': 'application/grpc', 'x-host': host}, options);
  };
  if (!headers[':path'].endsWith('/Echo')) return respond({});
  stream.on('end', () => {
    respond({waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
    stream.end(frame(Buffer.from('b')));
  });
});
server.listen(Number(process.argv[2]), host, () => {
  const {address, port} = server.address();
  console.log(`listening on ${address}:${port}`);
});

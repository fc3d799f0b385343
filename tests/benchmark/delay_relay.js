'use strict';
// Passes TCP connections on, each byte so much later: a long way with any bandwidth.
//     delay_relay.js TARGET MILLISECONDS

const net = require('node:net');

// What is on the way at most, so that a side that reads nothing stops the other.
const MOST_ON_THE_WAY = 256 << 20;

// Bytes from one socket to the other.
function passOn(from, to, delay) {
  const queue = [];  // of [when it is due, bytes], in order
  let bytes = 0;
  let timer;
  const deliver = () => {
    timer = undefined;
    while (queue.length > 0 && queue[0][0] <= performance.now()) {
      const [, chunk] = queue.shift();
      if (chunk === undefined) {
        to.end();
        return;
      }
      bytes -= chunk.length;
      if (!to.write(chunk)) {
        to.once('drain', deliver);
        return;
      }
    }
    if (bytes < MOST_ON_THE_WAY) from.resume();
    if (queue.length > 0 && timer === undefined) timer = setTimeout(deliver, queue[0][0] - performance.now());
  };
  const add = (chunk) => {
    queue.push([performance.now() + delay, chunk]);
    if (queue.length === 1 && timer === undefined) timer = setTimeout(deliver, delay);
  };
  from.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes >= MOST_ON_THE_WAY) from.pause();
    add(chunk);
  });
  from.on('end', () => add(undefined));
  from.on('error', () => to.destroy());
  to.on('close', () => clearTimeout(timer));
}

const [target, milliseconds] = process.argv.slice(2);
const [host, port] = target.split(':');
const server = net.createServer({allowHalfOpen: true, noDelay: true}, (near) => {
  const far = net.connect({host, port: Number(port), allowHalfOpen: true, noDelay: true});
  passOn(near, far, Number(milliseconds));
  passOn(far, near, Number(milliseconds));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));

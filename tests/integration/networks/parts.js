'use strict';
// What the tests of networks are made of, besides gRPC spoken by hand: gateways, servers that can be stopped, name
// servers, and a folder that goes when the test does.

const {spawn, spawnSync} = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const {once} = require('node:events');

const children = new Set();
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-networks-'));
process.on('exit', () => {
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  fs.rmSync(directory, {recursive: true, force: true});
});

let folders = 0;
function folder() {
  const name = path.join(directory, String(++folders));
  fs.mkdirSync(name);
  return name;
}

// A program that is stopped when the test ends.
function start(program, words, options = {}) {
  const child = spawn(program, words, {stdio: ['ignore', 'pipe', 'pipe'], ...options});
  children.add(child);
  child.ended = once(child, 'exit').then(([code, signal]) => {
    children.delete(child);
    // What a test would otherwise only see as connections that are gone.
    if (signal !== null && !child.killed) console.log(`${program} died of ${signal}:\n${child.text}`);
    return code;
  });
  child.text = '';
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) stream.on('data', (data) => {
      child.text += data;
      child.emit('said');
    });
  }
  return child;
}

// Waits until the program has printed `pattern`. Fails when it ends, or after `seconds`.
async function said(child, pattern, seconds = 60) {
  const late = Date.now() + seconds * 1000;
  while (!pattern.test(child.text)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.spawnfile} ended:\n${child.text}`);
    if (Date.now() > late) throw new Error(`${child.spawnfile} did not print ${pattern} in ${seconds} s:\n${child.text}`);
    let timer;
    const waiting = new AbortController();
    await Promise.race([once(child, 'said', {signal: waiting.signal}), child.ended,
                        new Promise((resolve) => (timer = setTimeout(resolve, 1000)))]);
    waiting.abort();
    clearTimeout(timer);
  }
  return child.text.match(pattern);
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// What is promised, or 'late' after so many seconds.
const atMost = (seconds, promise) => Promise.race([promise, sleep(seconds).then(() => 'late')]);

// Waits until `holds` is true, looking every so often. False after `seconds`.
async function within(seconds, holds, everyMs = 100) {
  const late = Date.now() + seconds * 1000;
  while (true) {
    if (await holds()) return true;
    if (Date.now() > late) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

async function freePort() {
  const probe = net.createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const {port} = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

// A descriptor set of one .proto source.
function descriptorSet(source) {
  const place = folder();
  fs.writeFileSync(path.join(place, 'x.proto'), source);
  const set = path.join(place, 'x.binpb');
  const made = spawnSync('protoc', ['-I', place, '-o', set, 'x.proto'], {encoding: 'utf8'});
  if (made.status !== 0) throw new Error(made.stderr);
  return set;
}

class Gateway {
  // `config`: YAML without data and the listening address, of which `data` and `listen` are more. `run`: what comes before
  // the program, such as a namespace, from which a UNIX socket, "unix:PATH" as `at`, leads to callers elsewhere.
  static async start(programs, config, {at = '127.0.0.1:0', data = '', listen = '', run = []} = {}) {
    const gateway = new Gateway();
    gateway.programs = programs;
    gateway.data = path.join(folder(), 'data');
    const file = path.join(folder(), 'gateway.yaml');
    fs.writeFileSync(file, `listen: {address: "${at}"${listen}}\ndata: {directory: ${gateway.data}${data}}\n${config}`);
    const words = [...run, programs.sallyportd, '--config', file, '--grace', '1'];
    gateway.process = start(words[0], words.slice(1));
    gateway.address = (await said(gateway.process, /listening on ([\d.]+:\d+|unix:\S+)/))[1];
    return gateway;
  }

  // In front of one upstream, of which `more` is said.
  static to(programs, target, more = '', options = {}) {
    return Gateway.start(programs, `upstreams:\n  up: {target: "${target}"${more}}\n${options.rest || ''}`, options);
  }

  // What is recorded, newest first.
  calls() {
    const listed = spawnSync(this.programs.sallyport, ['calls', '--data', this.data, '--limit', '0', '--json'],
                             {encoding: 'utf8', maxBuffer: 1 << 28});
    if (listed.status > 1) throw new Error(listed.stderr);
    return listed.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  // All that is recorded of one call.
  show(id) {
    const shown = spawnSync(this.programs.sallyport, ['show', '--data', this.data, '--json', id], {encoding: 'utf8'});
    if (shown.status !== 0) throw new Error(shown.stderr);
    return JSON.parse(shown.stdout);
  }

  get residentMiB() {
    const status = fs.readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(status.match(/VmRSS:\s+(\d+)/)[1]) / 1024;
  }
}

// An upstream in a process of its own, which can be stopped and killed: "Echo" answers, all else stays open. `run`: what
// comes before the program, such as a namespace.
class FarServer {
  static async start(port = 0, {host = '127.0.0.1', run = []} = {}) {
    const server = new FarServer();
    const words = [...run, process.execPath, path.join(__dirname, 'far_server.js'), String(port), host];
    server.process = start(words[0], words.slice(1));
    server.address = (await said(server.process, /listening on (\S+)/))[1];
    return server;
  }
  stop() {
    this.process.kill('SIGSTOP');
  }
  async kill() {
    this.process.kill('SIGKILL');
    await this.process.ended;
  }
}

// A name server that has one name with the addresses of the moment, for a second each (RFC 1035).
class NameServer {
  constructor(addresses) {
    this.addresses = addresses;
    this.socket = dgram.createSocket('udp4');
    this.socket.on('message', (question, from) => this.socket.send(this.answer(question), from.port, from.address));
  }
  async listen() {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return `127.0.0.1:${this.socket.address().port}`;
  }
  answer(question) {
    let end = 12;
    while (question[end] !== 0) end += question[end] + 1;
    const isA = question.readUInt16BE(end + 1) === 1;
    const addresses = isA ? this.addresses : [];
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8580, 2);  // an answer, authoritative
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) => Buffer.from(
        [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]));
    return Buffer.concat([header, question.subarray(12, end + 5), ...records]);
  }
  close() {
    this.socket.close();
  }
}

// nginx with these lines in its `http` block.
async function nginx(http, port) {
  const place = folder();
  fs.writeFileSync(path.join(place, 'nginx.conf'), [
    'daemon off; master_process off; worker_processes 1;',
    `pid ${place}/pid; error_log stderr notice;`,
    'events { worker_connections 512; }',
    `http { access_log off; client_body_temp_path ${place}/a; proxy_temp_path ${place}/b; fastcgi_temp_path ${place}/c;`,
    `uwsgi_temp_path ${place}/d; scgi_temp_path ${place}/e; ${http} }`,
  ].join('\n'));
  const program = start('nginx', ['-p', place, '-c', path.join(place, 'nginx.conf'), '-e', 'stderr']);
  const up = await within(20, () => new Promise((resolve) => {
    const probe = net.connect(port, '127.0.0.1', () => resolve(true));
    probe.on('error', () => resolve(false));
    probe.on('connect', () => probe.destroy());
  }));
  if (!up) throw new Error(`nginx does not listen: ${program.text}`);
}

module.exports = {FarServer, Gateway, NameServer, atMost, descriptorSet, folder, freePort, nginx, said, sleep, start, within};

'use strict';
// The ways from a caller to an upstream that are compared: directly, and through gateways.

const {spawn, execFileSync} = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

// A program that stands between, started at once. `address()` resolves when it listens; `stop()` when it is gone.
class Between {
  constructor(argv) {
    // setpriv stays the same process; the kernel kills it should this one be killed.
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], {stdio: ['ignore', 'pipe', 'pipe']});
    this.lines = [];
    this.gone = new Promise((resolve) => this.process.on('exit', (status, signal) => resolve(signal || status)));
    this.listening = new Promise((resolve, reject) => {
      for (const stream of [this.process.stdout, this.process.stderr]) {
        readline.createInterface({input: stream}).on('line', (line) => {
          this.lines.push(line);
          const found = line.match(/listening on (\d[\d.]*:\d+)/);
          if (found) resolve(found[1]);
        });
      }
      this.gone.then((how) => reject(new Error(`${argv[0]} ended (${how}) before it listened:\n${this.lines.join('\n')}`)));
    });
    this.listening.catch(() => {});  // reported to whoever asks for the address
  }

  address() {
    return this.listening;
  }

  // Resolves with 0 where the program ended well after it was asked to, else with its status or signal.
  stop() {
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), 10000);
    return this.gone.finally(() => clearTimeout(late));
  }

  kill() {
    this.process.kill('SIGKILL');
  }

  // The most memory it ever held, in bytes.
  peakMemory() {
    const status = fs.readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(status.match(/VmHWM:\s+(\d+) kB/)[1]) * 1024;
  }
}

// One way: {name, gateway, byHand, byGrpcJs}; the two addresses lead to the upstream made by hand and the one by grpc-js.
class Way {
  constructor(name, start, {gateway = false} = {}) {
    this.name = name;
    this.start = start;
    this.gateway = gateway;
    this.programs = {};
  }

  get direct() {
    return !this.start;
  }

  async open(upstreams) {
    for (const [kind, upstream] of Object.entries(upstreams)) {
      this.programs[kind] = this.start && this.start(upstream, kind);
      this[kind] = this.start ? await this.programs[kind].address() : upstream;
    }
  }
}

function waysToCompare({sallyportd, control, directory}) {
  const direct = new Way('directly', null);
  if (control) {
    const relay = path.join(__dirname, '../../integration/harness/plain_relay.py');
    return [direct, new Way('plain relay', (upstream) => new Between(['python3', '-u', relay, upstream]))];
  }
  const descriptors = path.join(directory, 'conformance.binpb');
  execFileSync('protoc', [`-I${__dirname}`, '--include_imports', `--descriptor_set_out=${descriptors}`,
                          path.join(__dirname, 'conformance.proto')]);
  const gateway = (name, extra) => new Way(name, (upstream, kind) => new Between([
    sallyportd, '--listen', '127.0.0.1:0', '--upstream', upstream, '--grace', '1',
    '--data', path.join(directory, `${name} ${kind}`.replaceAll(' ', '-')), ...extra,
  ]), {gateway: true});
  return [direct, gateway('known methods', ['--descriptors', descriptors]), gateway('unknown methods', [])];
}

module.exports = {waysToCompare};

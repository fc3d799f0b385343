'use strict';
// Two hosts with a cable between them: network namespaces and a veth pair. The machine's own network is not touched, and
// everything goes when the test does. Needs root.

const {spawnSync} = require('node:child_process');
const {said, start, within} = require('./parts.js');

const NEAR = '10.0.0.1';
const FAR = '10.0.0.2';

function run(words) {
  const done = spawnSync(words[0], words.slice(1), {encoding: 'utf8'});
  if (done.status !== 0) throw new Error(`${words.join(' ')}: ${done.stderr || done.error}`);
  return done.stdout;
}

// A namespace that lasts as long as this process: its shell waits for an input that never comes.
async function namespace() {
  const shell = start('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo there && read -r _'],
                      {stdio: ['pipe', 'pipe', 'pipe']});
  await said(shell, /there/);
  return {pid: shell.pid, run: ['nsenter', `--net=/proc/${shell.pid}/ns/net`]};
}

class TwoHosts {
  // Why this machine cannot have them; undefined if it can.
  static missing() {
    if (process.getuid() !== 0) return 'it needs root, for network namespaces';
    const tried = spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1'], {encoding: 'utf8'});
    if (tried.status !== 0) return `no network namespaces here: ${tried.stderr || tried.error}`;
    return undefined;
  }

  // `near` and `far` are what comes before a program that is to run there.
  static async join() {
    const hosts = new TwoHosts();
    const [near, far] = [await namespace(), await namespace()];
    [hosts.near, hosts.far] = [near.run, far.run];
    run([...near.run, 'ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', String(far.pid)]);
    run([...near.run, 'ip', 'address', 'add', `${NEAR}/24`, 'dev', 'cable']);
    run([...far.run, 'ip', 'address', 'add', `${FAR}/24`, 'dev', 'cable']);
    hosts.link('up');
    hosts.link('up', near.run);
    const pings = () => run([...near.run, 'ip', '-brief', 'link', 'show', 'cable']).includes('LOWER_UP');
    if (!await within(20, pings)) throw new Error('the cable does not come up');
    return hosts;
  }

  // Takes the far end of the cable out, or the near one, or puts it in again: 'down' or 'up'.
  link(state, end = this.far) {
    run([...end, 'ip', 'link', 'set', 'cable', state]);
  }

  // The near host's connections to the far one, as the kernel has them.
  connections() {
    return run([...this.near, 'ss', '-tnoi', 'dst', FAR]);
  }
}

module.exports = {FAR, NEAR, TwoHosts};

// The gateway as a rendered container starts it: its arguments and its configuration, with addresses of this machine.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import http from 'node:http';
import net from 'node:net';
import {parse, stringify} from 'yaml';

const SECONDS = 60;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address();
  server.close();
  return port;
}

// {status, text} of a GET.
function get(port, path) {
  return new Promise((resolve, reject) => {
    http.get({host: '127.0.0.1', port, path}, (answer) => {
      let text = '';
      answer.on('data', (data) => (text += data));
      answer.on('end', () => resolve({status: answer.statusCode, text}));
    }).on('error', reject);
  });
}

// Starts it, calls `look` with what asks the admin port, and stops it as the kubelet does. Returns its exit status.
export async function whileStarted(pod, objects, container, look) {
  const configuration = parse(objects.find(({kind}) => kind === 'ConfigMap').data['sallyport.yaml']);
  const port = await freePort();
  configuration.listen.addresses = ['127.0.0.1:0'];
  configuration.admin.address = `127.0.0.1:${port}`;
  // Nobody outside is to be asked.
  configuration.identity = {anonymous: true};
  for (const upstream of Object.values(configuration.upstreams)) upstream.target = '127.0.0.1:1';
  const file = pod.write(stringify(configuration), 'access: {default: allow}\n');
  const words = container.args.map((word) => (word === '/etc/sallyport/config/sallyport.yaml' ? file : word));
  const gateway = spawn(pod.sallyportd, words, {stdio: ['ignore', 'pipe', 'pipe']});
  const stop = () => gateway.kill('SIGKILL');
  process.on('exit', stop);
  const ended = once(gateway, 'exit');
  let said = '';
  for (const stream of [gateway.stdout, gateway.stderr]) stream.on('data', (data) => (said += data));
  try {
    const late = Date.now() + SECONDS * 1000;
    while (!/listening on 127\./.test(said)) {
      if (gateway.exitCode !== null || Date.now() > late) throw new Error(`it did not start:\n${said}`);
      await Promise.race([once(gateway.stderr, 'data'), ended, new Promise((resolve) => setTimeout(resolve, 200).unref())]);
    }
    await look((path) => get(port, path));
    gateway.kill('SIGTERM');
    const [status] = await ended;
    return status;
  } finally {
    stop();
    process.off('exit', stop);
  }
}

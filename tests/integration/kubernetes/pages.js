// The YAML in pages: objects, values of the chart, configurations and policies, each held against what would read it.
import fs from 'node:fs';
import {faultsIn} from './schemas.js';
import {nameOf, objectsIn} from './tools.js';

// [line, text] of each fenced block of YAML.
export function yamlBlocks(page) {
  const blocks = [];
  const lines = fs.readFileSync(page, 'utf8').split('\n');
  for (let i = 0; i < lines.length; ++i) {
    if (!/^\s*```yaml$/.test(lines[i])) continue;
    const begin = i + 1;
    while (!/^\s*```$/.test(lines[++i])) if (i >= lines.length) throw new Error(`${page}:${begin}: never ends`);
    blocks.push([begin, lines.slice(begin, i).join('\n')]);
  }
  return blocks;
}

// What a configuration of the page, which shows what matters there, leaves out.
const REST = {
  listen: 'listen: {addresses: ["127.0.0.1:50050"]}\n',
  data: 'data: {directory: /var/lib/sallyport/data}\n',
  upstreams: 'upstreams: {payments: {target: "dns:///payments-upstream.payments.svc.cluster.local:50052"}}\n',
};

// A block's first line says what it is, where it is no object: "# sallyport.yaml", "# policy.yaml", "# values.yaml", or
// "# … of …" for what others read.
async function blockFaults(text, tools, pod) {
  const [, what] = /^# (\S+\.yaml)\b/.exec(text) ?? [];
  if (what === 'values.yaml') return [tools.refusal(text)].filter((words) => words !== '');
  if (what === 'sallyport.yaml' || what === 'policy.yaml') {
    const missing = Object.entries(REST).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(text)).map(([, line]) => line);
    const policy = what === 'policy.yaml' ? text : 'access: {default: deny}\n';
    const config = what === 'policy.yaml' ? `${Object.values(REST).join('')}policy: /etc/sallyport/policy/policy.yaml\n` : text + '\n' + missing.join('');
    const {status, said} = pod.check(config, policy);
    return status === 0 ? [] : [said];
  }
  if (what !== undefined) return [];
  const faults = [];
  for (const object of objectsIn(text)) {
    for (const fault of await faultsIn(object)) faults.push(`${object.kind ? nameOf(object) : 'a block'} ${fault}`);
  }
  return faults;
}

export async function pageFaults(page, tools, pod) {
  const faults = [];
  for (const [line, text] of yamlBlocks(page)) {
    for (const fault of await blockFaults(text, tools, pod)) faults.push(`line ${line}: ${fault}`);
  }
  return faults;
}

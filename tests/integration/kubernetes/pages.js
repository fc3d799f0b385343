// The YAML in pages: objects, values of the chart, configurations and policies, each held against what would read it.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
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

// A kustomization that stands beside a checkout of the project, with files of one's own.
function kustomizationFaults(text, tools) {
  const beside = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-kustomization-'));
  try {
    fs.symlinkSync(path.resolve(tools.kubernetes, '../..'), path.join(beside, 'sallyport'));
    for (const name of ['sallyport.yaml', 'policy.yaml']) fs.copyFileSync(path.join(tools.kubernetes, 'base', name), path.join(beside, name));
    fs.writeFileSync(path.join(beside, 'kustomization.yaml'), text);
    return tools.kustomize(beside).some(({kind}) => kind === 'StatefulSet') ? [] : ['it builds no StatefulSet'];
  } finally {
    fs.rmSync(beside, {recursive: true});
  }
}

// A block's first line says what it is, where it is no object: "# sallyport.yaml", "# policy.yaml", "# values.yaml",
// "# kustomization.yaml", or another file's name, for what others read.
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
  if (what === 'kustomization.yaml') return kustomizationFaults(text, tools);
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

#!/usr/bin/env node
// The chart and the kustomizations of deploy/: what they render is what Kubernetes takes, the same from both, safe, and of one
// piece; and the gateway takes the configuration in it.
//
//     charts_test.js --sallyportd PROGRAM --tools FOLDER --source FOLDER
//
// FOLDER of the tools keeps helm and kubectl from one run to the next.
import assert from 'node:assert';
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';
import {stringify} from 'yaml';
import {Pod} from './checked.js';
import {comparable} from './compared.js';
import {pageFaults, yamlBlocks} from './pages.js';
import {podSecurityFaults} from './pod_security.js';
import {faultsIn} from './schemas.js';
import {whileStarted} from './started.js';
import {Tools, nameOf, objectsIn} from './tools.js';
import {podOf, wiringFaults} from './wiring.js';
import {WRONG_VALUES} from './wrong_values.js';

const {values: {sallyportd, tools: toolsDirectory, source}} = parseArgs({
  options: {sallyportd: {type: 'string'}, tools: {type: 'string'}, source: {type: 'string'}}});
const tools = new Tools(path.resolve(toolsDirectory), path.resolve(source));
const pages = ['deploy/KUBERNETES.md', 'deploy/helm/sallyport/README.md'].map((name) => path.join(source, name));
const version = /^project\(sallyport VERSION ([0-9.]+)/m.exec(fs.readFileSync(path.join(source, 'CMakeLists.txt'), 'utf8'))[1];

// What has a values file and a kustomization, and must be the same from both.
const PAIRS = {
  default: 'base', single: 'overlays/single', replicated: 'overlays/replicated', 'cert-manager': 'overlays/cert-manager',
  'prometheus-operator': 'overlays/prometheus-operator',
};

let kept = 0;
const broken = [];
async function promise(text, holds) {
  try {
    await holds();
    ++kept;
    console.log(`kept    ${text}`);
  } catch (fault) {
    broken.push(text);
    console.log(`BROKEN  ${text}\n${String(fault.stack).replace(/^/gm, '        ')}`);
  }
}

async function valid(objects, what) {
  assert(objects.length > 0, `${what}: nothing`);
  const faults = [];
  for (const object of objects) for (const fault of await faultsIn(object)) faults.push(`${what}: ${nameOf(object)} ${fault}`);
  assert.deepStrictEqual(faults, []);
}

const nameOfValues = (file) => path.basename(file, '-values.yaml');
// [what it is, its objects, what whoever installs it is told]
const renderings = [];

async function rendered() {
  await promise('helm lints the chart, with its own values and with each file of values', () => {
    tools.lint();
    for (const file of tools.valuesFiles()) tools.lint(file);
  });
  for (const file of tools.valuesFiles()) {
    await promise(`helm renders ci/${path.basename(file)}, and each object is as its schema says`, async () => {
      const objects = tools.template(file);
      renderings.push([`ci/${path.basename(file)}`, objects, tools.notes(file)]);
      await valid(objects, file);
    });
  }
  const told = fs.readFileSync(pages[0], 'utf8').replace(/`/g, '');
  for (const directory of tools.kustomizations()) {
    await promise(`kubectl builds ${directory}, and each object is as its schema says`, async () => {
      const objects = tools.kustomize(path.join(tools.kubernetes, directory));
      renderings.push([directory, objects, told]);
      await valid(objects, directory);
    });
  }
  assert(renderings.length >= 12, `there are ${renderings.length} renderings only`);
}

async function same() {
  for (const [values, directory] of Object.entries(PAIRS)) {
    await promise(`ci/${values}-values.yaml and ${directory} are the same`, () => {
      const [helms, kustomizes] = [`ci/${values}-values.yaml`, directory].map((name) => renderings.find(([what]) => what === name)[1]);
      assert.deepStrictEqual(comparable(helms), comparable(kustomizes));
    });
  }
  await promise('the alerts that the Prometheus operator gets are those of deploy/prometheus', () => {
    const [alerts] = objectsIn(fs.readFileSync(path.join(source, 'deploy/prometheus/alerts.yaml'), 'utf8'));
    const rules = renderings.flatMap(([, objects]) => objects.filter(({kind}) => kind === 'PrometheusRule'));
    assert.strictEqual(rules.length, 3);
    for (const {spec} of rules) assert.deepStrictEqual(spec, alerts);
    assert(alerts.groups.every(({rules: those}) => those.length > 0));
  });
  await promise('the chart is the same without any values as with ci/default-values.yaml', () => {
    assert.deepStrictEqual(tools.template(), renderings.find(([what]) => what === 'ci/default-values.yaml')[1]);
  });
}

async function safeAndWhole() {
  for (const [what, objects, told] of renderings) {
    await promise(`${what}: restricted by the Pod Security Standard, and of one piece`, () => {
      const {spec} = podOf(objects);
      assert.deepStrictEqual(podSecurityFaults(spec), []);
      assert.strictEqual(spec.containers[0].securityContext.readOnlyRootFilesystem, true);
      assert.deepStrictEqual(wiringFaults(objects, told), []);
    });
  }
  await promise('images have the project\'s version, unless a digest says otherwise', () => {
    for (const [what, objects] of renderings) {
      const {image} = podOf(objects).container;
      if (what !== 'ci/everything-values.yaml') assert.strictEqual(image, `sallyport:${version}`, what);
      else assert.match(image, /@sha256:/);
      for (const {metadata} of objects) assert.strictEqual(metadata.labels['app.kubernetes.io/version'], version, what);
    }
  });
  await promise('a changed configuration makes new pods, and a changed policy none', () => {
    const pod = (values) => {
      const done = tools.run(tools.helmProgram, ['template', 'sallyport', tools.chart, '--values', '-'], values);
      return podOf(objectsIn(done)).template;
    };
    assert.notDeepStrictEqual(pod('{}'), pod('config: {sessions: {idle: 1h}}'));
    assert.deepStrictEqual(pod('{}'), pod('policy: {content: {access: {default: allow}}}'));
  });
}

async function configured() {
  const pod = new Pod(sallyportd, path.join(source, 'deploy/example/proto'));
  for (const [what, objects] of renderings) {
    await promise(`${what}: the gateway takes its configuration and policy`, () => {
      const text = (kind, key) => objects.find((object) => object.kind === kind && object.data?.[key])?.data[key];
      const policy = text('Secret', 'policy.yaml');
      const {status, said} = pod.check(text('ConfigMap', 'sallyport.yaml'),
                                       policy ? Buffer.from(policy, 'base64').toString() : 'access: {default: allow}\n');
      assert.strictEqual(status, 0, said);
      // Until somebody says who may call, nobody may.
      const odd = said.match(/^warning: .*/gm) ?? [];
      assert.deepStrictEqual(odd.filter((line) => !line.includes('every call is refused')), []);
    });
  }
  await promise('what is not in order is told, so that this means something', () => {
    const text = renderings[0][1].find(({kind}) => kind === 'ConfigMap').data['sallyport.yaml'];
    assert.notStrictEqual(pod.check(`${text}\nno_such_key: 1\n`, 'access: {default: deny}\n').status, 0);
    assert.notStrictEqual(pod.check(text, 'access: {default: perhaps}\n').status, 0);
  });
  await promise('a gateway that is started so answers its probes, has the autoscaler\'s metric, and ends when asked to', async () => {
    const [, objects] = renderings.find(([what]) => what === 'overlays/replicated');
    const {container} = podOf(objects);
    const [scaled] = objects.find(({kind}) => kind === 'HorizontalPodAutoscaler').spec.metrics;
    const status = await whileStarted(pod, objects, container, async (get) => {
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
        assert.strictEqual((await get(container[probe].httpGet.path)).status, 200, probe);
      }
      assert.match((await get('/metrics')).text, new RegExp(`^${scaled.pods.metric.name}(\\{.*\\})? 0$`, 'm'));
    });
    assert.strictEqual(status, 0);
  });
  await promise('the pages\' configurations and policies are in order, and their objects as their schemas say', async () => {
    for (const page of pages) assert.deepStrictEqual(await pageFaults(page, tools, pod), [], page);
    assert(yamlBlocks(pages[0]).length >= 10, 'the page has few examples');
  });
}

async function refused() {
  await promise('each value has a schema and stands in the chart\'s README, and no other', () => {
    const [values] = objectsIn(fs.readFileSync(path.join(tools.chart, 'values.yaml'), 'utf8'));
    const {properties} = JSON.parse(fs.readFileSync(path.join(tools.chart, 'values.schema.json'), 'utf8'));
    const rows = fs.readFileSync(pages[1], 'utf8').split('\n').filter((line) => line.startsWith('| `'));
    const described = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([a-z][A-Za-z]*)/g)].map(([, name]) => name));
    const names = Object.keys(values).sort();
    assert.deepStrictEqual([...new Set(described)].sort(), names);
    // Helm gives each chart "global".
    assert.deepStrictEqual(Object.keys(properties).filter((name) => name !== 'global').sort(), names);
  });
  for (const [what, values, reason] of WRONG_VALUES) {
    await promise(`${what} is refused, with the reason`, () => assert.match(tools.refusal(values), reason));
  }
}

// Without these the promises above could not be broken.
async function ableToFail() {
  const fresh = () => JSON.parse(JSON.stringify(renderings.find(([what]) => what === 'base')[1]));
  const set = (objects) => objects.find(({kind}) => kind === 'StatefulSet');
  const told = () => renderings.find(([what]) => what === 'base')[2];
  const breaks = {
    'is unknown': (object) => (object.spec.template.spec.containers[0].livenessprobe = {}),
    'must be integer': (object) => (object.spec.replicas = 'two'),
    'must have required property': (object) => delete object.spec.selector,
    '/metadata/label is unknown': (object) => (object.metadata.label = {a: 'b'}),
    'there is no StatefulSet in apps/v3': (object) => (object.apiVersion = 'apps/v3'),
  };
  for (const [words, change] of Object.entries(breaks)) {
    await promise(`an object that the schema does not allow is noticed: ${words}`, async () => {
      const object = set(fresh());
      change(object);
      const faults = (await faultsIn(object)).join('\n');
      assert(faults.includes(words), faults || 'no fault');
    });
  }
  await promise('a pod that is not restricted, and one that is not of one piece, are noticed', () => {
    const objects = fresh();
    const {spec, container} = podOf(objects);
    delete container.securityContext.capabilities;
    spec.volumes[0] = {name: 'tmp', hostPath: {path: '/tmp'}};
    container.readinessProbe.httpGet.port = 'metrics';
    container.volumeMounts[0].subPath = 'data';
    set(objects).spec.selector.matchLabels['app.kubernetes.io/name'] = 'other';
    assert.strictEqual(podSecurityFaults(spec).length, 2);
    assert.strictEqual(wiringFaults(objects, '').length, 5, wiringFaults(objects, '').join('\n'));
  });
  await promise('a pod that is killed before its gateway has stopped is noticed', () => {
    const faults = (drain, grace) => {
      const objects = fresh();
      const {container} = podOf(objects);
      container.args[container.args.indexOf('--grace') + 1] = grace;
      objects.find(({kind}) => kind === 'ConfigMap').data['sallyport.yaml'] += `\ndrain: ${drain}\n`;
      return wiringFaults(objects, told());
    };
    // Of 60 seconds five are preStop's.
    assert.deepStrictEqual(faults('{delay: 24s}', '30'), []);
    const cut = ['the pod is killed before its grace is over'];
    assert.deepStrictEqual(faults('{delay: 25s}', '30'), cut);
    assert.deepStrictEqual(faults('{}', '55'), cut);
    assert.deepStrictEqual(faults('{delay: 5s, timeout: 1m}', '30'), cut);
  });
  await promise('renderings that differ in a word are noticed', () => {
    const objects = fresh();
    const config = objects.find(({kind}) => kind === 'ConfigMap');
    config.data['sallyport.yaml'] = config.data['sallyport.yaml'].replace('15m', '16m');
    assert.notDeepStrictEqual(comparable(objects), comparable(fresh()));
    assert(stringify(comparable(objects)).includes('16m'));
  });
}

console.log('== charts');
await rendered();
await same();
await safeAndWhole();
await configured();
await refused();
await ableToFail();
console.log(`== charts: ${kept} kept, ${broken.length} broken`);
for (const text of broken) console.log(`   broken: ${text}`);
process.exit(kept > 0 && broken.length === 0 ? 0 : 1);

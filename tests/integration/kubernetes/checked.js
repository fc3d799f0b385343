// Configurations and policies, as the pods would find them, held against `sallyportd --check`.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

// What stands at a path of the pod is in a folder here.
const PLACES = /\/(etc\/sallyport|var\/run\/secrets|var\/lib\/sallyport)(?=\/)/g;
const TOKEN_PLACE = 'var/run/secrets/kubernetes.io/serviceaccount';

function run(program, words) {
  const done = spawnSync(program, words, {encoding: 'utf8', timeout: 60_000});
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${program} ${words.join(' ')}:\n${done.stderr}`);
  return done.stdout;
}

export class Pod {
  // `protos` is a folder with a .proto source, for configurations that name descriptors.
  constructor(sallyportd, protos) {
    this.sallyportd = sallyportd;
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-pod-'));
    process.on('exit', () => fs.rmSync(this.root, {recursive: true, force: true}));
    fs.mkdirSync(path.join(this.root, 'var/lib/sallyport'), {recursive: true});
    this.certificates();
    const id = '0123abcd';
    this.put('etc/sallyport/keyring/keyring', `kek ${id} 2026-01-02T03:04:05Z ${Buffer.alloc(32, 7).toString('base64')}\n`, 0o600);
    this.put('etc/sallyport/mounts/payments-key/key', 'secret\n', 0o600);
    this.put('etc/sallyport/mounts/kms/vault-transit.sh', 'exit 1\n');
    this.put(`${TOKEN_PLACE}/token`, 'token\n', 0o600);
    const set = this.put('etc/sallyport/mounts/descriptors/all.binpb', '');
    const sources = fs.readdirSync(protos, {recursive: true}).filter((name) => name.endsWith('.proto'));
    run('protoc', ['-I', protos, '--include_imports', `--descriptor_set_out=${set}`, ...sources]);
  }

  put(place, text, mode = 0o644) {
    const file = path.join(this.root, place);
    fs.mkdirSync(path.dirname(file), {recursive: true});
    fs.writeFileSync(file, text, {mode});
    return file;
  }

  certificates() {
    const key = this.put('etc/sallyport/tls/tls.key', '', 0o600);
    const certificate = this.put('etc/sallyport/tls/tls.crt', '');
    run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
      '/CN=sallyport', '-addext', 'subjectAltName=DNS:sallyport', '-keyout', key, '-out', certificate]);
    for (const place of [TOKEN_PLACE, 'etc/sallyport/mounts/payments-ca', 'etc/sallyport/mounts/callers']) {
      this.put(`${place}/ca.crt`, fs.readFileSync(certificate));
    }
  }

  // Puts both where the pod has them. Returns the configuration's file.
  write(configuration, policy) {
    this.put('etc/sallyport/policy/policy.yaml', policy);
    return this.put('etc/sallyport/config/sallyport.yaml', configuration.replace(PLACES, `${this.root}/$1`));
  }

  // What --check says of a configuration with this policy, and its status.
  check(configuration, policy) {
    const file = this.write(configuration, policy);
    const done = spawnSync(this.sallyportd, ['--config', file, '--check'], {encoding: 'utf8', timeout: 60_000});
    if (done.error) throw done.error;
    return {status: done.status, said: done.stdout + done.stderr};
  }
}

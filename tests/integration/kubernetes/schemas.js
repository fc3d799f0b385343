// Objects held against the schemas of Kubernetes, cert-manager, the Prometheus operator, the Gateway API and Istio, as npm's
// kubernetes-models carry them.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const PACKAGES = {
  'cert-manager.io': '@kubernetes-models/cert-manager',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'networking.istio.io': '@kubernetes-models/istio',
};
const modules = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules');

async function modelOf({apiVersion, kind}) {
  if (typeof apiVersion !== 'string' || !/^[A-Z][A-Za-z]+$/.test(kind ?? '')) throw new Error('has no apiVersion or kind');
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const place = `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
  if (!fs.existsSync(path.join(modules, `${place}.js`))) throw new Error(`there is no ${kind} in ${apiVersion}`);
  return (await import(place))[kind];
}

// The schemas are compiled into functions that look at each property they know and pass over all others. So what is never
// looked at is unknown: `seen` gets each place that was looked at, with "*" behind it where all keys may stand.
function watched(value, place, seen) {
  if (value === null || typeof value !== 'object') return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === 'symbol') return target[key];
      seen.add(`${place}/${key}`);
      return watched(target[key], `${place}/${key}`, seen);
    },
    ownKeys(target) {
      seen.add(`${place}/*`);
      return Reflect.ownKeys(target);
    },
  });
}

function unknownIn(value, place, seen, found) {
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value)) {
    if (!seen.has(`${place}/${key}`)) {
      if (!seen.has(`${place}/*`)) found.push(`${place}/${key}`);
      continue;  // of a map with values of any kind
    }
    unknownIn(inner, `${place}/${key}`, seen, found);
  }
}

// Where metadata is not described by the schema of a custom resource, Kubernetes' own holds.
const METADATA = new Set(['name', 'namespace', 'labels', 'annotations']);

// What is wrong with an object, one line each.
export async function faultsIn(object) {
  let model;
  try {
    model = await modelOf(object);
  } catch (fault) {
    return [fault.message];
  }
  const faults = [];
  const seen = new Set();
  try {
    model.prototype.validate.call(watched(object, '', seen));
  } catch (fault) {
    faults.push(fault.message);
  }
  const unknown = [];
  unknownIn(object, '', seen, unknown);
  for (const place of unknown) {
    const [, top, key] = place.split('/');
    if (top === 'metadata' && METADATA.has(key)) continue;
    faults.push(`${place} is unknown`);
  }
  return faults;
}

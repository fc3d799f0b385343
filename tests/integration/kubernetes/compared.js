// Two renderings as what must be the same of them.
import {parse} from 'yaml';
import {nameOf} from './tools.js';

// All that Helm adds: labels that say that it was Helm, and a checksum that stands for the hash in the ConfigMap's name.
const HELMS_LABELS = ['helm.sh/chart', 'app.kubernetes.io/managed-by'];
const HELMS_ANNOTATION = 'checksum/config';
const HASHED_NAME = /^(.*-config)-[0-9a-z]{10}$/;

function without(object, keys) {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([key]) => !keys.includes(key)));
}

function* metadatas(value) {
  if (value === null || typeof value !== 'object') return;
  if (value.metadata) yield value.metadata;
  for (const inner of Object.values(value)) yield* metadatas(inner);
}

// By kind and name. What is YAML within is compared as what it says.
export function comparable(objects) {
  const found = {};
  for (const original of objects) {
    const object = JSON.parse(JSON.stringify(original));
    for (const metadata of metadatas(object)) {
      if (metadata.labels) metadata.labels = without(metadata.labels, HELMS_LABELS);
      if (metadata.annotations) metadata.annotations = without(metadata.annotations, [HELMS_ANNOTATION]);
      if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
    }
    if (object.kind === 'ConfigMap') {
      object.metadata.name = object.metadata.name.replace(HASHED_NAME, '$1');
      for (const key of Object.keys(object.data)) object.data[key] = parse(object.data[key]);
    }
    if (object.kind === 'Secret') {
      for (const key of Object.keys(object.data)) object.data[key] = parse(Buffer.from(object.data[key], 'base64').toString());
    }
    for (const volume of object.spec?.template?.spec.volumes ?? []) {
      if (volume.configMap) volume.configMap.name = volume.configMap.name.replace(HASHED_NAME, '$1');
    }
    found[nameOf(object)] = object;
  }
  return found;
}

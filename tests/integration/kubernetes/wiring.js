// Whether the objects of one rendering fit together: what one names, another has.
import assert from 'node:assert';
import {parse} from 'yaml';

const of = (objects, kind) => objects.filter((object) => object.kind === kind);
const holds = (selector, labels) => Object.entries(selector).every(([key, value]) => labels?.[key] === value);

export function podOf(objects) {
  const [set] = of(objects, 'StatefulSet');
  return {set, template: set.spec.template, spec: set.spec.template.spec, container: set.spec.template.spec.containers[0]};
}

function* selectorFaults(objects) {
  const {set, template} = podOf(objects);
  const selectors = [['StatefulSet', set.spec.selector.matchLabels]];
  for (const service of of(objects, 'Service')) selectors.push([`Service ${service.metadata.name}`, service.spec.selector]);
  for (const kind of ['PodDisruptionBudget', 'PodMonitor']) {
    for (const object of of(objects, kind)) selectors.push([kind, object.spec.selector.matchLabels]);
  }
  for (const policy of of(objects, 'NetworkPolicy')) {
    const own = policy.metadata.namespace === set.metadata.namespace;
    if (own) selectors.push(['NetworkPolicy', policy.spec.podSelector.matchLabels]);
    else selectors.push([`NetworkPolicy ${policy.metadata.name}`, policy.spec.ingress[0].from[0].podSelector.matchLabels]);
  }
  for (const constraint of template.spec.topologySpreadConstraints) selectors.push(['spread', constraint.labelSelector.matchLabels]);
  for (const [what, selector] of selectors) {
    if (Object.keys(selector).length === 0) yield `${what} selects everything`;
    if (!holds(selector, template.metadata.labels)) yield `${what} does not select the gateways`;
  }
  if (template.metadata.namespace !== undefined) yield 'the template has a namespace';
}

function* portFaults(objects) {
  const {container} = podOf(objects);
  const names = new Set(container.ports.map((port) => port.name));
  const named = [];
  for (const service of of(objects, 'Service')) for (const port of service.spec.ports) named.push(port.targetPort);
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) named.push(container[probe].httpGet.port);
  for (const monitor of of(objects, 'PodMonitor')) for (const one of monitor.spec.podMetricsEndpoints) named.push(one.port);
  for (const policy of of(objects, 'NetworkPolicy')) {
    for (const rule of policy.spec.ingress ?? []) for (const {port} of rule.ports ?? []) if (typeof port === 'string') named.push(port);
  }
  for (const name of named) if (!names.has(name)) yield `there is no port ${name}`;
}

// Every volume's Secret or ConfigMap is rendered, made by the cluster, or told in `told`.
function* mountFaults(objects, told) {
  const {set, spec, container} = podOf(objects);
  const there = new Set(['ConfigMap kube-root-ca.crt']);
  for (const kind of ['Secret', 'ConfigMap']) for (const object of of(objects, kind)) there.add(`${kind} ${object.metadata.name}`);
  for (const certificate of of(objects, 'Certificate')) there.add(`Secret ${certificate.spec.secretName}`);
  const wanted = [];
  for (const {secret, configMap, projected} of spec.volumes) {
    if (secret) wanted.push(`Secret ${secret.secretName}`);
    if (configMap) wanted.push(`ConfigMap ${configMap.name}`);
    for (const source of projected?.sources ?? []) if (source.configMap) wanted.push(`ConfigMap ${source.configMap.name}`);
  }
  for (const one of wanted) {
    const [kind, name] = one.split(' ');
    const asTold = new RegExp(`\\b${kind}( generic| tls)? ${name}(?![-\\w])`, 'i');
    if (!there.has(one) && !asTold.test(told)) yield `${one} is neither rendered nor told`;
  }
  const volumes = new Set([...spec.volumes, ...set.spec.volumeClaimTemplates.map(({metadata}) => metadata)].map(({name}) => name));
  for (const mount of container.volumeMounts) {
    if (!volumes.delete(mount.name)) yield `the mount ${mount.name} has no volume`;
    if (mount.subPath || mount.subPathExpr) yield `the mount ${mount.name} is a subPath, which never changes`;
    if (!mount.readOnly && !['data', 'tmp', 'backup'].includes(mount.name)) yield `the mount ${mount.name} can be written`;
  }
  for (const name of volumes) yield `the volume ${name} is mounted nowhere`;
}

// What `kubectl exec` finds is the gateway's own store.
function* environmentFaults(objects) {
  const {container} = podOf(objects);
  const {data} = parse(of(objects, 'ConfigMap')[0].data['sallyport.yaml']);
  const values = Object.fromEntries(container.env.map(({name, value}) => [name, value]));
  if (values.SALLYPORT_DATA !== data.directory) yield 'SALLYPORT_DATA is not the gateway\'s data';
  if (values.SALLYPORT_KEYS !== data.keys) yield 'SALLYPORT_KEYS is not the gateway\'s keyring';
  const volume = container.volumeMounts.find(({name}) => name === 'data').mountPath;
  if (!data.directory.startsWith(`${volume}/`)) yield 'the data is not in its volume';
}

const SECONDS = {ms: 0.001, s: 1, m: 60, h: 3600};

// Of a duration as sallyport.yaml has it.
function seconds(text) {
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) sum += Number(number) * SECONDS[unit];
  return sum;
}

// What is left of the pod's time is for ending the last calls and closing the log.
function* endFaults(objects) {
  const {spec, container} = podOf(objects);
  const {drain} = parse(of(objects, 'ConfigMap')[0].data['sallyport.yaml']);
  const before = container.lifecycle?.preStop.sleep.seconds ?? 0;
  const grace = container.args.indexOf('--grace');
  if (grace < 0) yield 'the gateway is given no grace';
  // --grace is what counts, and drain.timeout where somebody takes it away.
  const open = Math.max(Number(container.args[grace + 1]), seconds(drain?.timeout ?? '10s'));
  if (!(spec.terminationGracePeriodSeconds > before + seconds(drain?.delay ?? '0s') + open)) yield 'the pod is killed before its grace is over';
}

function* referenceFaults(objects) {
  const {set, spec} = podOf(objects);
  const services = of(objects, 'Service');
  const governing = services.find((service) => service.metadata.name === set.spec.serviceName);
  if (governing?.spec.clusterIP !== 'None') yield 'the StatefulSet has no headless Service';
  if (governing?.spec.publishNotReadyAddresses) yield 'callers are sent to gateways that are not ready';
  const accounts = of(objects, 'ServiceAccount');
  for (const account of accounts) {
    if (account.metadata.name !== spec.serviceAccountName) yield 'the ServiceAccount is not the pods\'';
    if (account.automountServiceAccountToken !== false) yield 'tokens are mounted everywhere';
  }
  for (const scaler of of(objects, 'HorizontalPodAutoscaler')) {
    if (scaler.spec.scaleTargetRef.name !== set.metadata.name) yield 'what is scaled is not there';
    if (set.spec.replicas !== undefined) yield 'the autoscaler and the StatefulSet both say how many';
  }
  for (const binding of of(objects, 'ClusterRoleBinding')) {
    const role = of(objects, 'ClusterRole').find((one) => one.metadata.name === binding.roleRef.name);
    if (!role) yield 'the bound role is not there';
    const rules = [{apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create']}];
    assert.deepStrictEqual(role.rules, rules, 'the role allows more than it has to');
    const [subject] = binding.subjects;
    if (subject.name !== spec.serviceAccountName || subject.namespace !== set.metadata.namespace) yield 'the role is another account\'s';
  }
  const mountsToken = spec.volumes.some(({projected}) => projected?.sources.some((source) => source.serviceAccountToken));
  if (mountsToken !== (of(objects, 'ClusterRoleBinding').length > 0)) yield 'a token without a role, or a role without a token';
  if (spec.automountServiceAccountToken !== false) yield 'the token is mounted twice';
}

// `told` is what whoever installs it is told to make.
export function wiringFaults(objects, told) {
  return [...selectorFaults(objects), ...portFaults(objects), ...mountFaults(objects, told), ...endFaults(objects),
    ...environmentFaults(objects), ...referenceFaults(objects)];
}

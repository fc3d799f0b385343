// The Pod Security Standard "restricted", with what it takes from "baseline", as rules over the spec of a pod.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/

const VOLUMES = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret']);
const SECCOMP = new Set(['RuntimeDefault', 'Localhost']);
const SELINUX_TYPES = new Set([undefined, '', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);

function* podRules(spec) {
  const context = spec.securityContext ?? {};
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) if (spec[field]) yield `${field} is set`;
  for (const volume of spec.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== 'name');
    if (!VOLUMES.has(kind)) yield `the volume ${volume.name} is of the kind ${kind}`;
  }
  if ((context.sysctls ?? []).length > 0) yield 'sysctls are set';
  if (!SELINUX_TYPES.has(context.seLinuxOptions?.type)) yield 'a type of SELinux is chosen';
  if (context.seLinuxOptions?.user || context.seLinuxOptions?.role) yield 'a user or role of SELinux is chosen';
  if (context.runAsUser === 0) yield 'the pod runs as root';
  if (context.windowsOptions?.hostProcess) yield 'it is a process of the host';
}

function* containerRules(container, pod) {
  const context = container.securityContext ?? {};
  const either = (field) => context[field] ?? pod[field];
  if (context.privileged) yield 'is privileged';
  if (context.allowPrivilegeEscalation !== false) yield 'may escalate its privileges';
  if (either('runAsNonRoot') !== true) yield 'may run as root';
  if (context.runAsUser === 0) yield 'runs as root';
  if (!SECCOMP.has(either('seccompProfile')?.type)) yield 'has no seccomp profile';
  if (!(context.capabilities?.drop ?? []).includes('ALL')) yield 'keeps capabilities';
  for (const added of context.capabilities?.add ?? []) if (added !== 'NET_BIND_SERVICE') yield `gets the capability ${added}`;
  if (![undefined, 'Default'].includes(context.procMount)) yield 'sees another /proc';
  for (const port of container.ports ?? []) if (port.hostPort) yield `takes the port ${port.hostPort} of its host`;
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
    if (container[probe]?.httpGet?.host || container[probe]?.tcpSocket?.host) yield `its ${probe} asks another host`;
  }
  if (['unconfined', 'Unconfined'].includes(either('appArmorProfile')?.type)) yield 'is not confined by AppArmor';
}

// What the standard forbids of the pod, one line each.
export function podSecurityFaults(spec) {
  const faults = [...podRules(spec)];
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of spec[list] ?? []) {
      for (const fault of containerRules(container, spec.securityContext ?? {})) faults.push(`${container.name} ${fault}`);
    }
  }
  return faults;
}

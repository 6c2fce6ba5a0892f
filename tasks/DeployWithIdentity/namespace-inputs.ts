import type { InputReader } from '../_shared/agent/inputs.js';
import { isGuid } from '../_shared/fleet/guid.js';
import { userRoles, type AccessGrant } from '../_shared/kubernetes/access-grants.js';
import { podSecurityLevels, podSecurityPrefix } from '../_shared/kubernetes/namespace-labels.js';

/** What the inputs ask of the namespace, besides that it is there. */
export interface NamespaceInputs {
  /** Labels, those of Pod Security included; absent where neither is asked for. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** Who gets which role; absent where nobody is asked about: what was given before stays then. */
  readonly access?: readonly AccessGrant[];
}

/** Source: Kubernetes docs, labels, syntax and character set; a prefix is a DNS subdomain. */
const labelLine = /^((?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)=((?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?)$/;
const labelForm = 'key=value as labels are written, such as team=orders';
/** `restricted`, `enforce=baseline`, `warn=restricted@v1.31`. Source: Kubernetes docs, Pod Security Admission, labels for namespaces. */
const securityEntry = new RegExp(`^(?:(enforce|audit|warn)=)?(${podSecurityLevels.join('|')})(?:@(latest|v1\\.\\d{1,3}))?$`);
const securityForm = `${podSecurityLevels.join(', ')}, or mode=level with a mode of enforce, audit, warn; each with @latest or @v1.31 where a version is meant`;
/** Source: Kubernetes docs, path segment names; those of roles have no slash and no per cent. */
const roleName = /^(?:(ClusterRole|Role)\/)?([A-Za-z0-9][\w.:-]{0,127})$/;
const accessForm = `group-object-id: role, the role being ${userRoles.join(', ')}, the name of a Role of the namespace, or ClusterRole/name`;

/** Reads labels, Pod Security level and access of the namespace. */
export function readNamespaceInputs(inputs: InputReader): NamespaceInputs {
  const labels = { ...readLabels(inputs), ...readPodSecurity(inputs) };
  const access = readAccess(inputs);
  return { ...(Object.keys(labels).length === 0 ? {} : { namespaceLabels: labels }), ...(access === undefined ? {} : { access }) };
}

function readLabels(inputs: InputReader): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const line of inputs.lines('namespaceLabels')) {
    const [, key, value] = labelLine.exec(line) ?? [];
    if (key === undefined || value === undefined) inputs.refuse('namespaceLabels', line, labelForm);
    else if (isReserved(key)) inputs.refuse('namespaceLabels', line, 'a label that is not reserved: those of Kubernetes, AKS, Gatekeeper and this project switch something; podSecurity sets the level of Pod Security');
    else if (Object.hasOwn(labels, key)) inputs.refuse('namespaceLabels', line, 'each label once');
    else labels[key] = value;
  }
  return labels;
}

/**
 * True for labels by which the cluster decides what it does with a namespace. Sources: Kubernetes docs, well-known labels (kubernetes.io and k8s.io
 * are reserved; app.kubernetes.io is for everybody); AKS docs (control-plane keeps webhooks away, kubernetes.azure.com); Gatekeeper docs,
 * exempting namespaces (admission.gatekeeper.sh/ignore).
 */
function isReserved(key: string): boolean {
  const [prefix] = key.includes('/') ? key.split('/') : [''];
  if (prefix === 'app.kubernetes.io') return key === 'app.kubernetes.io/managed-by';
  return key === 'control-plane' || /(?:^|\.)(?:kubernetes\.io|k8s\.io|kubernetes\.azure\.com|gatekeeper\.sh|workload\.identity)$/.test(prefix ?? '') || /^(?:azure\.workload\.identity|aks-workload-identity)$/.test(prefix ?? '');
}

function readPodSecurity(inputs: InputReader): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const entry of inputs.lines('podSecurity')) {
    const [, mode = 'enforce', level, version] = securityEntry.exec(entry) ?? [];
    const key = `${podSecurityPrefix}${mode}`;
    if (level === undefined) inputs.refuse('podSecurity', entry, securityForm);
    else if (Object.hasOwn(labels, key)) inputs.refuse('podSecurity', entry, `one level for ${mode}`);
    else Object.assign(labels, { [key]: level }, version === undefined ? {} : { [`${key}-version`]: version });
  }
  return labels;
}

function readAccess(inputs: InputReader): AccessGrant[] | undefined {
  const lines = inputs.lines('access');
  if (lines.length === 0) return undefined;
  if (lines.length === 1 && lines[0]?.toLowerCase() === 'none') return [];
  const grants = lines.flatMap((line) => readGrant(inputs, line));
  inputs.checkedNames('access', grants.map(({ group, role }) => `${group}: ${role.kind}/${role.name}`), /./, accessForm);
  return grants;
}

function readGrant(inputs: InputReader, line: string): AccessGrant[] {
  const [, id = '', given = ''] = /^([^:\s]+)\s*:\s*(\S.*)$/.exec(line) ?? [];
  const [, kind, name = ''] = roleName.exec(given) ?? [];
  if (!isGuid(id) || name === '') {
    inputs.refuse('access', line, accessForm);
    return [];
  }
  if (/^(?:cluster-admin|system:.*)$/i.test(name)) {
    inputs.refuse('access', line, `a role that a group may have: never cluster-admin or one of the cluster's own; ${userRoles.join(', ')}, or a role with what the group needs`);
    return [];
  }
  if (kind === undefined && !userRoles.includes(name) && userRoles.includes(name.toLowerCase())) inputs.refuse('access', line, `${name.toLowerCase()} in lower-case letters; or Role/${name}`);
  const isUserRole = kind === undefined && userRoles.includes(name);
  return [{ group: id.toLowerCase(), role: { kind: isUserRole || kind === 'ClusterRole' ? 'ClusterRole' : 'Role', name } }];
}

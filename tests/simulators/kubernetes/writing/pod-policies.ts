import type { KindRegistry } from '../objects/kinds.js';
import { refused } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { at, fieldsAt, itemsAt, numberAt, textAt, textsAt, type Fields, type KubernetesObject } from '../objects/values.js';
import { containersOf } from './identity-webhook.js';

/** A check of the Pod Security Standards: what it says of a pod that breaks it. */
type Check = (spec: Fields) => string | undefined;

/**
 * Pod Security and quotas of pods, as admission looks at them last.
 * @throws ApiError 403 in the words of the real plugins.
 */
export function checkPodPolicies(pod: KubernetesObject, store: ObjectStore, kinds: KindRegistry): void {
  const forbid = (why: string | undefined): void => {
    if (why !== undefined) throw refused(kinds.named('Pod'), pod.metadata.name, why);
  };
  const namespace = store.get(kinds.named('Namespace'), undefined, pod.metadata.namespace ?? '');
  forbid(brokenStandard(fieldsAt(pod, 'spec'), namespace?.metadata.labels ?? {}));
  const living = store.list(kinds.named('Pod'), pod.metadata.namespace).filter(({ status }) => !['Succeeded', 'Failed'].includes(textAt(status, 'phase')));
  for (const quota of store.list(kinds.named('ResourceQuota'), pod.metadata.namespace)) forbid(exceeded(quota, living.length));
}

/** Source: Kubernetes docs, resource quotas; texts of apiserver pkg/admission/plugin/resourcequota, seen on 1.35.4. Only the number of pods is counted. */
function exceeded(quota: KubernetesObject, used: number): string | undefined {
  const hard = fieldsAt(quota, 'spec', 'hard');
  const broken = ['pods', 'count/pods'].find((name) => hard[name] !== undefined && used + 1 > Number(hard[name]));
  return broken === undefined ? undefined : `exceeded quota: ${quota.metadata.name}, requested: ${broken}=1, used: ${broken}=${used}, limited: ${broken}=${String(hard[broken])}`;
}

/** Source: Kubernetes docs, Pod Security Standards; texts of pod-security-admission policy/, seen on 1.35.4. */
function brokenStandard(spec: Fields, labels: Readonly<Record<string, string>>): string | undefined {
  const level = labels['pod-security.kubernetes.io/enforce'] ?? 'privileged';
  const checks = level === 'restricted' ? [...restricted, ...baseline] : level === 'baseline' ? baseline : [];
  const broken = checks.flatMap((check) => check(spec) ?? []);
  if (broken.length === 0) return undefined;
  return `violates PodSecurity "${level}:${labels['pod-security.kubernetes.io/enforce-version'] ?? 'latest'}": ${broken.join(', ')}`;
}

const baseline: readonly Check[] = [
  (spec) => {
    const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((field) => spec[field] === true);
    return shared.length === 0 ? undefined : `host namespaces (${shared.map((field) => `${field}=true`).join(', ')})`;
  },
  (spec) => {
    const paths = itemsAt(spec, 'volumes').filter(({ hostPath }) => hostPath !== undefined);
    return paths.length === 0 ? undefined : `hostPath volumes (${named('volume', paths)})`;
  },
  (spec) => told('privileged', spec, 'must not set securityContext.privileged=true', (container) => at(container, 'securityContext', 'privileged') !== true),
];

const restricted: readonly Check[] = [
  (spec) => told('allowPrivilegeEscalation != false', spec, 'must set securityContext.allowPrivilegeEscalation=false', (container) => at(container, 'securityContext', 'allowPrivilegeEscalation') === false),
  (spec) => told('unrestricted capabilities', spec, 'must set securityContext.capabilities.drop=["ALL"]', (container) => textsAt(container, 'securityContext', 'capabilities', 'drop').includes('ALL')),
  (spec) => {
    if (at(spec, 'securityContext', 'runAsNonRoot') === true) return undefined;
    return told('runAsNonRoot != true', spec, 'must set securityContext.runAsNonRoot=true', (container) => at(container, 'securityContext', 'runAsNonRoot') === true, 'pod or ');
  },
  (spec) => (numberAt(spec, ['securityContext', 'runAsUser'], 1) === 0 ? 'runAsUser=0 (pod must not set runAsUser=0)' : undefined),
  (spec) => {
    const fine = (of: Fields): boolean => ['RuntimeDefault', 'Localhost'].includes(textAt(of, 'securityContext', 'seccompProfile', 'type'));
    if (fine(spec)) return undefined;
    return told('seccompProfile', spec, 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"', fine, 'pod or ');
  },
];

/** `check (containers "a", "b" must …)` for the containers that do not hold to it; undefined when all do. */
function told(check: string, spec: Fields, demand: string, holds: (container: Fields) => boolean, before = ''): string | undefined {
  const breaking = containersOf(spec).filter((container) => !holds(container));
  return breaking.length === 0 ? undefined : `${check} (${before}${named('container', breaking)} ${demand})`;
}

function named(what: string, things: readonly Fields[]): string {
  return `${what}${things.length === 1 ? '' : 's'} ${things.map((thing) => `"${textAt(thing, 'name')}"`).join(', ')}`;
}

import { Problem } from '../reconcile/problem.js';
import type { ChartIdentity } from './chart.js';
import { identityKeys } from './connection.js';
import { object, text, type Json } from '../fleet/json.js';
import { kinds, metadataOf, nameOf, type ObjectKind, type ObjectRef } from './objects.js';

/** What a rendering holds that matters for identity. */
export interface RenderedChart {
  /** Deployments, stateful sets and daemon sets in the release's namespace. */
  readonly workloads: readonly ObjectRef[];
  /** Those of them whose pods run as the service account; none when only jobs, cron jobs or bare pods do. */
  readonly users: readonly ObjectRef[];
  /** True when the chart makes the service account itself. */
  readonly makesServiceAccount: boolean;
  /** Every kind in it, once. */
  readonly kinds: readonly ObjectKind[];
  /** What is wrong with it, chart author's side; all of it. */
  readonly faults: readonly Problem[];
}

const podTemplates: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};
const rolling: readonly string[] = [kinds.deployment.kind, kinds.statefulSet.kind, kinds.daemonSet.kind];

/** Looks at rendered objects before anything is sent: would the pods get this identity? */
export function inspectRendering(rendered: readonly Json[], identity: ChartIdentity, namespace: string): RenderedChart {
  const found = rendered.map((content) => ({ content, ref: refOf(content, namespace) }));
  const ours = found.filter(({ ref }) => ref.namespace === namespace);
  const users = ours.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    return template !== undefined && serviceAccountOf(template) === identity.serviceAccount ? [{ content, ref, template }] : [];
  });
  const account = ours.find(({ ref }) => ref.kind === kinds.serviceAccount.kind && ref.name === identity.serviceAccount);
  const faults = [
    ...(users.length === 0 ? [unused(identity.serviceAccount, ours)] : []),
    ...users.flatMap(({ content, ref, template }) => labelFault(content, ref, template)),
    ...(account === undefined ? [] : annotationFaults(account.content, account.ref, identity)),
  ];
  return {
    workloads: rollingOf(ours),
    users: rollingOf(users),
    makesServiceAccount: account !== undefined,
    kinds: distinctKinds(found.map(({ ref }) => ref)),
    faults,
  };
}

function rollingOf(found: readonly { readonly ref: ObjectRef }[]): ObjectRef[] {
  return found.flatMap(({ ref }) => (rolling.includes(ref.kind) ? [ref] : []));
}

/** The pod template of an object; undefined when it makes no pods. A pod is its own template. */
export function podTemplateOf(content: Json): Json | undefined {
  const path = podTemplates[text(content.kind) ?? ''];
  return path?.reduce<Json>((at, part) => object(at[part]), content);
}

/** The service account that a pod template runs as. */
export function serviceAccountOf(template: Json): string {
  const spec = object(template.spec);
  return text(spec.serviceAccountName) ?? text(spec.serviceAccount) ?? 'default';
}

function refOf(content: Json, namespace: string): ObjectRef {
  const { name, namespace: own } = metadataOf(content);
  return { apiVersion: text(content.apiVersion) ?? '', kind: text(content.kind) ?? '', namespace: own ?? namespace, name };
}

function unused(serviceAccount: string, ours: readonly { content: Json; ref: ObjectRef }[]): Problem {
  const users = ours.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    return template === undefined ? [] : [`${nameOf(ref)} runs as ${serviceAccountOf(template)}`];
  });
  return new Problem({
    code: 'WI4204',
    what: `No pod of the chart runs as service account ${serviceAccount}`,
    because: users.length === 0 ? 'the rendered chart has no pods at all' : users.join('; '),
    remedy: 'let the chart take spec.serviceAccountName of its pod templates from .Values.serviceAccount.name, or correct the input serviceAccount',
  });
}

function labelFault(content: Json, ref: ObjectRef, template: Json): Problem[] {
  const value = object(object(template.metadata).labels)[identityKeys.use];
  if (value === 'true') return [];
  const outside = ref.kind !== 'Pod' && object(object(content.metadata).labels)[identityKeys.use] !== undefined;
  const elsewhere = outside ? `; the label is on the ${ref.kind} itself, where the webhook never looks` : '';
  const because = value === undefined ? `its pod template has no label ${identityKeys.use}${elsewhere}` : wrongValue(value);
  return [
    new Problem({
      code: 'WI4205',
      what: `Pods of ${nameOf(ref)} would start without identity`,
      because,
      remedy: `let the chart put .Values.podLabels into the labels of the pod template (${(podTemplates[ref.kind] ?? []).concat('metadata', 'labels').join('.')})`,
    }),
  ];
}

function wrongValue(value: unknown): string {
  const quoted = value === true ? ', a boolean: quote it' : '';
  return `its pod template has label ${identityKeys.use} with the value ${JSON.stringify(value)}${quoted}; only the text "true" counts`;
}

function annotationFaults(account: Json, ref: ObjectRef, identity: ChartIdentity): Problem[] {
  const { annotations } = metadataOf(account);
  const given = { clientId: annotations[identityKeys.clientId], tenantId: annotations[identityKeys.tenantId] };
  const wrong = [
    ...(given.clientId === identity.clientId ? [] : [`${identityKeys.clientId} is ${given.clientId ?? 'missing'} instead of ${identity.clientId}`]),
    ...(given.tenantId === undefined || given.tenantId === identity.tenantId
      ? []
      : [`${identityKeys.tenantId} is ${given.tenantId} instead of ${identity.tenantId}`]),
  ];
  if (wrong.length === 0) return [];
  return [
    new Problem({
      code: 'WI4206',
      what: `The chart renders ${nameOf(ref)} without this identity`,
      because: `its annotation ${wrong.join(' and ')}`,
      remedy: 'let the chart take the annotations of the service account from .Values.serviceAccount.annotations, or set serviceAccount.create to false',
    }),
  ];
}

function distinctKinds(refs: readonly ObjectRef[]): ObjectKind[] {
  const found = new Map(refs.map(({ apiVersion, kind }) => [`${apiVersion} ${kind}`, { apiVersion, kind }]));
  return [...found.values()];
}

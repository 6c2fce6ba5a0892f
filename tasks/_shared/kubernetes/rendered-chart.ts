import { Problem } from '../reconcile/problem.js';
import { documentAt, UneditableYaml } from '../fleet/yaml-edits.js';
import type { ChartIdentity, IdentityMode } from './chart.js';
import { identityKeys } from './connection.js';
import { credentialUses, removalFaults, type CredentialHolder, type CredentialUse } from './credential-faults.js';
import { injectIdentity, isHook } from './identity-injection.js';
import { object, type Json } from '../fleet/json.js';
import { selectorOf, type LabelSelector } from '../fleet/label-selector.js';
import { accountPlaces, among, credentialPlaces } from './named-credentials.js';
import { kinds, metadataOf, nameOf, type ObjectKind, type ObjectRef } from './objects.js';
import { podTemplateOf, podTemplatePath, serviceAccountOf } from './pod-templates.js';
import { wideningObjects, withoutDefinitions, type WideningObject } from './release-widening.js';
import { refOf, renderedObjects, type RenderedObject } from './rendered-objects.js';
import { checkSending, type SendPolicy } from './send-checks.js';
import { mountFaults, syncFaults, type MountablePods } from './vault-faults.js';

/** What makes pods in a rendering, and what tells its pods from others. */
export interface RenderedPods {
  readonly ref: ObjectRef;
  /** Of the pod template. */
  readonly labels: Readonly<Record<string, string>>;
  /** By which its controller finds them; absent for pods, jobs and cron jobs. */
  readonly selector?: LabelSelector;
  readonly serviceAccount: string;
  /** True for pods that share the network of their node. */
  readonly hostNetwork: boolean;
}

/** What a rendering holds that matters for identity and network. */
export interface RenderedChart {
  /** Deployments, stateful sets and daemon sets in the release's namespace. */
  readonly workloads: readonly ObjectRef[];
  /** Those of them whose pods run as the service account; none when only jobs, cron jobs or bare pods do. */
  readonly users: readonly ObjectRef[];
  /** Everything in the release's namespace that makes pods, hooks included. */
  readonly pods: readonly RenderedPods[];
  /** True when the chart makes the service account itself. */
  readonly makesServiceAccount: boolean;
  /** Every kind in it, once. */
  readonly kinds: readonly ObjectKind[];
  /** What is wrong with it, chart author's side; all of it. */
  readonly faults: readonly Problem[];
  /** What is told without refusing the release. */
  readonly notices: readonly Problem[];
  /** The Roles in the release's namespace, by name. */
  readonly roles: ReadonlyMap<string, Json>;
  /** What lets somebody reach more. */
  readonly widening: readonly WideningObject[];
  /** The pod templates that run as the service account, as they will be sent. */
  readonly templates: readonly Json[];
  /** True where the service account that it makes loses an image pull secret. */
  readonly accountLoses: boolean;
  /** What is taken out of it, with where it was. */
  readonly removed: readonly CredentialUse[];
}

const rolling: readonly string[] = [kinds.deployment.kind, kinds.statefulSet.kind, kinds.daemonSet.kind];

/** How a rendering is looked at. */
export interface InspectionOptions {
  readonly identity: ChartIdentity;
  /** Of the release. */
  readonly namespace: string;
  /** False for a helm that lets nobody change its hooks. */
  readonly hooks: boolean;
  /** What may be sent. */
  readonly policy: SendPolicy;
  /** The same chart, rendered once more. Absent where nothing in it could differ. */
  readonly again?: string;
  /** What the manifests are from, as messages call it. Default: a chart. */
  readonly source?: string;
}

const chart = 'the chart';

/** Looks at manifests as they will be sent, before anything is: would the pods get this identity? */
export function inspectRendering(rendered: string, options: InspectionOptions): RenderedChart {
  const { identity, namespace, policy, again, source = chart } = options;
  const { manifests, definitions } = withoutDefinitions(rendered);
  const { vault, without = [] } = identity;
  // Read as the chart says it only where something of that decides.
  const original = vault === undefined && without.length === 0 ? [] : renderedObjects(manifests, namespace);
  const asRendered = podsAsRendered(original, options);
  const holders = without.length === 0 ? [] : credentialHolders(original, asRendered, options);
  const unmountable = vault === undefined ? [] : mountFaults(asRendered, vault);
  const made = madeRight(manifests, options, asRendered.length > 0 && unmountable.length === 0);
  const found = renderedObjects(made.manifests, namespace);
  const { serviceAccount } = identity;
  const checked = checkSending({ objects: found, namespace, serviceAccount, policy, source, ...(again === undefined ? {} : { again: renderedObjects(withoutDefinitions(again).manifests, namespace) }) });
  const ours = found.filter(({ ref }) => ref.namespace === namespace);
  const users = ours.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    return template !== undefined && serviceAccountOf(template) === identity.serviceAccount ? [{ content, ref, template }] : [];
  });
  const account = ours.find(({ ref }) => ref.kind === kinds.serviceAccount.kind && ref.name === identity.serviceAccount);
  const faults = [
    ...made.faults,
    ...unmountable,
    ...removalFaults(holders, without, source),
    ...syncFaults(ours.map(({ ref }) => ref), vault?.syncSecret),
    ...(users.length === 0 ? [unused(identity.serviceAccount, ours, source)] : []),
    ...users.flatMap(({ content, ref, template }) => labelFault(content, ref, template, identity.mode, source)),
    ...(account === undefined ? [] : annotationFaults(account.content, account.ref, identity, source)),
    ...checked.flatMap(({ severity, problem }) => (severity === 'error' ? [problem] : [])),
  ];
  return {
    workloads: rollingOf(ours),
    users: rollingOf(users),
    pods: ours.flatMap(({ content, ref }) => renderedPods(content, ref)),
    makesServiceAccount: account !== undefined,
    kinds: distinctKinds(found.map(({ ref }) => ref)),
    faults,
    notices: checked.flatMap(({ severity, problem }) => (severity === 'warn' ? [problem] : [])),
    roles: new Map(ours.flatMap(({ content, ref }) => (ref.kind === kinds.role.kind ? [[ref.name, content]] : []))),
    widening: [...definitions, ...wideningObjects(found, namespace)],
    templates: users.map(({ template }) => template),
    accountLoses: holders.some(({ ref, places }) => ref.kind === kinds.serviceAccount.kind && among(places, without).length > 0),
    removed: credentialUses(holders, without),
  };
}

function renderedPods(content: Json, ref: ObjectRef): RenderedPods[] {
  const template = podTemplateOf(content);
  if (template === undefined) return [];
  const found = selectorOf(object(object(content.spec).selector));
  const selector = rolling.includes(ref.kind) && Object.keys(found).length > 0 ? { selector: found } : {};
  const { labels } = metadataOf(template);
  return [{ ref, labels, ...selector, serviceAccount: serviceAccountOf(template), hostNetwork: object(template.spec).hostNetwork === true }];
}

/** The pod templates that run as the service account, as the chart itself says them. */
function podsAsRendered(objects: readonly RenderedObject[], { identity, namespace, hooks }: InspectionOptions): MountablePods[] {
  return objects.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    const ours = template !== undefined && ref.namespace === namespace && serviceAccountOf(template) === identity.serviceAccount;
    return ours ? [{ ref, template, sealed: !hooks && isHook(content) }] : [];
  });
}

/** The same pod templates, and the service account itself, with everything in them that can be taken out. */
function credentialHolders(objects: readonly RenderedObject[], asRendered: readonly MountablePods[], { namespace, identity }: InspectionOptions): CredentialHolder[] {
  const pods = asRendered.map(({ ref, template, sealed }) => ({ ref, places: credentialPlaces(template), sealed }));
  const accounts = objects.flatMap(({ content, ref }) => {
    const ours = ref.kind === kinds.serviceAccount.kind && ref.namespace === namespace && ref.name === identity.serviceAccount;
    return ours ? [{ ref, places: accountPlaces(content), sealed: false }] : [];
  });
  return pods.length === 0 ? [] : [...pods, ...accounts];
}

/** @param mountable false where the files of the vault cannot be mounted, so that everything else is looked at without them */
function madeRight(manifests: string, { identity: { mode, vault, ...identity }, namespace, hooks, source = chart }: InspectionOptions, mountable: boolean): { readonly manifests: string; readonly faults: readonly Problem[] } {
  if (mode === 'verify') return { manifests, faults: [] };
  try {
    return { manifests: injectIdentity(manifests, { ...identity, namespace, ...(vault !== undefined && mountable ? { vault } : {}) }, { hooks }), faults: [] };
  } catch (error) {
    if (!(error instanceof UneditableYaml)) throw error;
    return { manifests, faults: [uneditable(manifests, error, source)] };
  }
}

function uneditable(manifests: string, { document, because }: UneditableYaml, source: string): Problem {
  const content = renderedObjects(documentAt(manifests, document), '')[0]?.content;
  return new Problem({
    code: 'WI4211',
    what: `The identity cannot be put into ${content === undefined ? `document ${document + 1} of ${source}` : nameOf(refOf(content, ''))}`,
    because,
    remedy: `write that part of ${source} out, without anchors and references; or put the identity there yourself and set identityMode to verify`,
  });
}

function rollingOf(found: readonly { readonly ref: ObjectRef }[]): ObjectRef[] {
  return found.flatMap(({ ref }) => (rolling.includes(ref.kind) ? [ref] : []));
}

function unused(serviceAccount: string, ours: readonly { content: Json; ref: ObjectRef }[], source: string): Problem {
  const users = ours.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    return template === undefined ? [] : [`${nameOf(ref)} runs as ${serviceAccountOf(template)}`];
  });
  return new Problem({
    code: 'WI4204',
    what: `No pod of ${source} runs as service account ${serviceAccount}`,
    because: users.length === 0 ? source === chart ? 'the rendered chart has no pods at all' : `${source} have no pods at all` : users.join('; '),
    remedy: `name the service account ${source === chart ? 'in the chart’s values (serviceAccount.name, as most charts have it)' : 'in the pod templates (serviceAccountName)'}, or correct the input serviceAccount`,
  });
}

function labelFault(content: Json, ref: ObjectRef, template: Json, mode: IdentityMode, source: string): Problem[] {
  const value = object(object(template.metadata).labels)[identityKeys.use];
  if (value === 'true') return [];
  if (mode === 'inject') {
    return [
      new Problem({
        code: 'WI4212',
        what: `The hook ${nameOf(ref)} would run without identity`,
        because: `it runs as the service account, has no label ${identityKeys.use}, and helm before 3.21 lets nobody change hooks on their way to the cluster`,
        remedy: 'use helm 4, or 3.21 and later; or let the chart put the label onto the pods of the hook itself',
      }),
    ];
  }
  const outside = ref.kind !== 'Pod' && object(object(content.metadata).labels)[identityKeys.use] !== undefined;
  const elsewhere = outside ? `; the label is on the ${ref.kind} itself, where the webhook never looks` : '';
  const because = value === undefined ? `its pod template has no label ${identityKeys.use}${elsewhere}` : wrongValue(value);
  return [
    new Problem({
      code: 'WI4205',
      what: `Pods of ${nameOf(ref)} would start without identity`,
      because,
      remedy: `${source === chart ? 'let the chart put' : 'put'} the label "true" there (${[...(podTemplatePath(ref) ?? []), 'metadata', 'labels'].join('.')}), or set identityMode to inject`,
    }),
  ];
}

function wrongValue(value: unknown): string {
  const quoted = value === true ? ', a boolean: quote it' : '';
  return `its pod template has label ${identityKeys.use} with the value ${JSON.stringify(value)}${quoted}; only the text "true" counts`;
}

function annotationFaults(account: Json, ref: ObjectRef, identity: ChartIdentity, source: string): Problem[] {
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
      what: `${source === chart ? 'The chart renders' : 'The manifests make'} ${nameOf(ref)} without this identity`,
      because: `its annotation ${wrong.join(' and ')}`,
      remedy: source === chart ? 'let the chart annotate it so, set identityMode to inject, or let the chart make no service account' : 'annotate it so, set identityMode to inject, or take it out of the manifests',
    }),
  ];
}

function distinctKinds(refs: readonly ObjectRef[]): ObjectKind[] {
  const found = new Map(refs.map(({ apiVersion, kind }) => [`${apiVersion} ${kind}`, { apiVersion, kind }]));
  return [...found.values()];
}

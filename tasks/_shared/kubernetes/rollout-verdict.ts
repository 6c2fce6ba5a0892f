import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { identityKeys, type ClusterConnection } from './connection.js';
import { objects, text } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import { kinds, metadataOf, type ClusterObject, type Metadata } from './objects.js';
import type { ExpectedIdentity, IdentityFault } from './pod-identity.js';
import { serviceAccountState, type ServiceAccountName, type ServiceAccountState } from './service-account.js';
import type { Workload } from './workloads.js';

/** A pod that lacks the identity. */
export interface FaultyPod {
  readonly pod: Metadata;
  readonly workload: Workload;
  readonly faults: readonly IdentityFault[];
}

/** What the verdict is about. */
export interface VerdictSubject {
  readonly title: string;
  readonly cluster: string;
  /** `namespace/name` of the service account. */
  readonly account: string;
  /** Running pods looked at. */
  readonly checked: number;
}

/** What a cause makes of a Problem. */
export type Verdict = Pick<ProblemParts, 'code' | 'because' | 'remedy'>;

/** Source: azure-workload-identity pkg/webhook, manifests. */
const webhookName = 'mutation.azure-workload-identity.io';

/**
 * Finds out why pods lack their identity, the first cause that explains it: label, the template's own variables, annotation,
 * webhook, age.
 * @param webhooks the mutating webhook configurations; undefined when they may not be read.
 */
export function explainFaults(
  subject: VerdictSubject,
  faulty: readonly FaultyPod[],
  expected: ExpectedIdentity,
  account: ServiceAccountState | undefined,
  webhooks: readonly ClusterObject[] | undefined,
): Problem {
  const verdict =
    podLabelMissing(faulty) ??
    ownVariable(faulty, expected) ??
    annotationWrong(subject.account, expected, account) ??
    webhookIdle(faulty, webhooks) ??
    tokenWrong(faulty) ??
    tooOld(faulty);
  return new Problem({
    ...verdict,
    what: `${faulty.length} of ${subject.checked} running pods of ${subject.title} on ${subject.cluster} do not have this identity (${some(faulty.map(({ pod }) => pod.name))})`,
    tried: `check every container for AZURE_CLIENT_ID ${expected.clientId}, AZURE_TENANT_ID and a token file`,
  });
}

/** Finds the cause with a look at the service account and the webhooks. */
export async function causeOf(
  connection: ClusterConnection,
  account: ServiceAccountName,
  subject: Omit<VerdictSubject, 'account'>,
  faulty: readonly FaultyPod[],
  expected: ExpectedIdentity,
): Promise<Problem> {
  const found = await connection.get({ ...kinds.serviceAccount, ...account });
  const state = found === undefined ? undefined : serviceAccountState(found, account);
  const webhooks = await connection.list(kinds.mutatingWebhookConfiguration, undefined).catch(() => undefined);
  return explainFaults({ ...subject, account: `${account.namespace}/${account.name}` }, faulty, expected, state, webhooks);
}

/** What is wrong with the label of a pod template; undefined when it is right. */
export function labelMissing({ title, podLabels }: Workload): Verdict | undefined {
  return podLabels[identityKeys.use] === 'true' ? undefined : withoutLabel(`the pod template of ${title} lacks the label ${identityKeys.use}: "true"`);
}

function podLabelMissing(faulty: readonly FaultyPod[]): Verdict | undefined {
  const bare = faulty.find(({ pod }) => pod.labels[identityKeys.use] !== 'true');
  if (bare === undefined) return undefined;
  const { title } = bare.workload;
  const template = labelMissing(bare.workload) === undefined ? `although the template of ${title} has it` : `and so does the template of ${title}`;
  return withoutLabel(`pod ${bare.pod.name} lacks the label ${identityKeys.use}: "true", ${template}`);
}

function withoutLabel(because: string): Verdict {
  return { code: 'WI4301', because, remedy: 'let the pod template carry the label (podLabels in the values) and deploy again; the webhook looks at nothing else' };
}

function ownVariable(faulty: readonly FaultyPod[], expected: ExpectedIdentity): Verdict | undefined {
  for (const { workload, faults } of faulty) {
    for (const { container, aspect } of faults) {
      if (aspect === 'token') continue;
      const name = aspect === 'clientId' ? 'AZURE_CLIENT_ID' : 'AZURE_TENANT_ID';
      const set = workload.environment[container]?.[name];
      if (set === undefined || set === expected[aspect]) continue;
      return {
        code: 'WI4308',
        because: `the pod template of ${workload.title} itself sets ${name} of container ${container}, and the webhook leaves variables alone that are set`,
        remedy: `remove ${name} from the chart's environment variables`,
      };
    }
  }
  return undefined;
}

/**
 * What is wrong with the annotations of the service account; undefined when they are right.
 * @param name `namespace/name`
 */
export function annotationWrong(name: string, expected: ExpectedIdentity, account: ServiceAccountState | undefined): Verdict | undefined {
  const remedy = 'run FederateServiceAccount for it, or let the chart set the annotation, then restart the pods (kubectl rollout restart)';
  if (account === undefined) return { code: 'WI4302', because: `service account ${name} does not exist any more`, remedy };
  const { clientId, tenantId } = account;
  if (clientId === undefined) return { code: 'WI4302', because: `service account ${name} has no annotation ${identityKeys.clientId}`, remedy };
  if (clientId !== expected.clientId) {
    return { code: 'WI4302', because: `service account ${name} carries ${identityKeys.clientId} ${clientId}, another identity than ${expected.clientId}`, remedy };
  }
  if (tenantId !== undefined && tenantId !== expected.tenantId) {
    return { code: 'WI4302', because: `service account ${name} carries ${identityKeys.tenantId} ${tenantId} instead of ${expected.tenantId}`, remedy };
  }
  return undefined;
}

function webhookIdle(faulty: readonly FaultyPod[], webhooks: readonly ClusterObject[] | undefined): Verdict | undefined {
  const untouched = faulty.find(({ faults }) => faults.some(({ aspect, found }) => aspect === 'token' && found === undefined));
  if (untouched === undefined) return undefined;
  const home = webhooks?.find((configuration) => objects(configuration.webhooks).some(({ name }) => text(name) === webhookName));
  const state =
    webhooks === undefined
      ? 'its configuration may not be read'
      : home === undefined
        ? 'no MutatingWebhookConfiguration of the cluster has it'
        : `it is registered in ${metadataOf(home).name}`;
  return {
    code: 'WI4303',
    because: `label and annotation are right, but mutating webhook ${webhookName} did not act on pod ${untouched.pod.name}: ${untouched.faults[0]?.text ?? ''}; ${state}`,
    remedy: 'run EnableWorkloadIdentity, check that deployment azure-wi-webhook-controller-manager in kube-system is ready, then restart the pods',
  };
}

function tokenWrong(faulty: readonly FaultyPod[]): Verdict | undefined {
  const fault = faulty.flatMap(({ pod, faults }) => faults.map((found) => ({ pod, ...found }))).find(({ aspect }) => aspect === 'token');
  if (fault === undefined) return undefined;
  return {
    code: 'WI4309',
    because: `pod ${fault.pod.name}: ${fault.text}`,
    remedy: `remove what the chart itself sets of AZURE_FEDERATED_TOKEN_FILE and its volume: the webhook ${webhookName} makes both`,
  };
}

function tooOld(faulty: readonly FaultyPod[]): Verdict {
  const [first] = faulty;
  const fault = first?.faults[0]?.text ?? '';
  return {
    code: 'WI4304',
    because: `pod ${first?.pod.name ?? ''} was created at ${first?.pod.created ?? 'an unknown time'}, before the service account carried this identity: ${fault}`,
    remedy: `restart the pods (kubectl rollout restart ${first === undefined ? '' : `${first.workload.ref.kind.toLowerCase()} ${first.workload.ref.name}`}), then run again`,
  };
}

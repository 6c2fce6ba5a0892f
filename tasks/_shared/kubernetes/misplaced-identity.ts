import { object, type Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import { identityKeys } from './connection.js';
import { kinds, metadataOf, nameOf, type ObjectRef } from './objects.js';
import { podTemplateOf, podTemplatePath, serviceAccountOf } from './pod-templates.js';
import type { RenderedObject } from './rendered-objects.js';
import type { SendFinding, Sending } from './send-checks.js';

/**
 * The identity's label and annotation where the webhook does not look for them, or where they can do nothing: whoever wrote them counts on an identity
 * that the pods do not get. What runs as the service account of the release is looked at elsewhere. Source: azure-workload-identity docs, labels and annotations.
 */
export function misplacedIdentity(sending: Sending): SendFinding[] {
  return sending.objects.flatMap((one) => [...misplaced(one), ...labelledStranger(one, sending)]);
}

function misplaced({ content, ref }: RenderedObject): SendFinding[] {
  const { labels, annotations } = metadataOf(content);
  const template = podTemplateOf(content);
  const labelled = labels[identityKeys.use] !== undefined && ref.kind !== kinds.pod.kind;
  const annotated = ref.kind !== kinds.serviceAccount.kind && [annotations, metadataOf(template ?? {}).annotations].some((found) => found[identityKeys.clientId] !== undefined);
  return [
    ...(labelled ? [told(ref, `the label ${identityKeys.use} is on the ${ref.kind} itself, where the webhook never looks`, `put it onto the pod template${templateOf(content)}`)] : []),
    ...(annotated ? [told(ref, `the annotation ${identityKeys.clientId} is not on a service account, where alone the webhook looks for it`, 'put it onto the service account')] : []),
  ];
}

function templateOf(content: Json): string {
  const path = podTemplatePath(content);
  return path === undefined || path.length === 0 ? '' : ` (${[...path, 'metadata', 'labels'].join('.')})`;
}

function told(ref: ObjectRef, because: string, remedy: string): SendFinding {
  return { severity: 'warn', problem: new Problem({ code: 'WI4223', what: `What ${nameOf(ref)} says of an identity has no effect`, because, remedy: `${remedy}, or leave it out: with identityMode inject this task does so` }) };
}

/** Pods with the label that run as an account which has no identity: their token file can be exchanged for nothing. */
function labelledStranger({ content, ref }: RenderedObject, { objects, namespace, serviceAccount, source }: Sending): SendFinding[] {
  const template = podTemplateOf(content);
  if (template === undefined || ref.namespace !== namespace || object(object(template.metadata).labels)[identityKeys.use] !== 'true') return [];
  const name = serviceAccountOf(template);
  if (name === serviceAccount) return [];
  const rendered = objects.find(({ ref: other }) => other.kind === kinds.serviceAccount.kind && other.namespace === namespace && other.name === name);
  if (rendered !== undefined && metadataOf(rendered.content).annotations[identityKeys.clientId] !== undefined) return [];
  const certain = rendered !== undefined || name === 'default';
  const state = rendered === undefined ? `${source} would not make` : `${source} would make without a client id`;
  const problem = new Problem({
    code: 'WI4223',
    what: `Pods of ${nameOf(ref)} are labelled for an identity that they do not get`,
    because: `they run as service account ${name}, which ${state}, and not as ${serviceAccount}`,
    remedy: `let them run as ${serviceAccount}, give ${name} an identity of its own (task FederateServiceAccount), or take the label ${identityKeys.use} off their template`,
  });
  return [{ severity: certain ? 'error' : 'warn', problem }];
}

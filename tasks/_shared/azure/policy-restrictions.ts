import { lastPart } from '../fleet/arm-id.js';
import { list, object, objects, text, type Json } from '../fleet/json.js';
import { Limiter } from '../reconcile/limits.js';
import type { Content } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { deniedBy } from './errors.js';
import { findingAt, groupOf, kindOf, type Look, type PlannedRight } from './planned-rights.js';

/** Of one type in one resource group, policies are asked about so many different contents: they rarely tell more of them apart. */
const mostContents = 10;
const atATime = 10;

interface Question {
  readonly place: string;
  readonly type: string;
  readonly body: Json;
  readonly asks: Set<PlannedRight['entry']>;
}

/**
 * What Azure Policy would deny of the plan's writes: identities, federated credentials, role assignments and whatever else tells its content.
 * Source: npm @azure/arm-policyinsights 6.0.0, checkPolicyRestrictions.
 */
export async function lookAtPolicies(azure: Azure, rights: readonly PlannedRight[]): Promise<Look> {
  const questions = new Map<string, Question>();
  for (const { entry, content } of rights) {
    const place = content === undefined ? undefined : groupOf(content.id);
    if (content === undefined || place === undefined || entry.change.action === 'delete') continue;
    const body = request(content);
    const key = `${place.toLowerCase()} ${JSON.stringify(body)}`;
    const known = questions.get(key);
    if (known === undefined) questions.set(key, { place, type: kindOf(content.id).type, body, asks: new Set([entry]) });
    else known.asks.add(entry);
  }
  const asked = [...questions.values()].filter(withinBounds());
  const limiter = new Limiter(atATime);
  const answers = await Promise.all(asked.map((question) => limiter.run(async () => ({ question, denials: await denialsOf(azure, question) }))));
  const findings = answers.flatMap(({ question, denials }) => (denials ?? []).flatMap((because) => [...question.asks].map((entry) => findingAt(entry, {
    code: 'WI3134',
    what: `${entry.resource.kind} ${entry.resource.name} cannot be written`,
    because,
    remedy: 'ask the owner of the policy for an exemption, or change what it objects to; a role does not help',
  }))));
  const unanswered = new Set(answers.flatMap(({ question, denials }) => (denials === undefined ? [lastPart(question.place)] : [])));
  const left = questions.size - asked.length;
  return { findings, open: [...(unanswered.size === 0 ? [] : [`policies in ${[...unanswered].join(', ')}`]), ...(left === 0 ? [] : [`policies for ${left} of ${questions.size} contents`])] };
}

function withinBounds(): (question: Question) => boolean {
  const counts = new Map<string, number>();
  return ({ place, type }) => {
    const key = `${type} ${place}`.toLowerCase();
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return (counts.get(key) ?? 0) <= mostContents;
  };
}

function request({ id, apiVersion, body, pending }: Content): Json {
  const { type, name, scope } = kindOf(id);
  const resourceDetails = { resourceContent: { type, name, ...body }, apiVersion, ...(scope === undefined ? {} : { scope }) };
  return { resourceDetails, ...(pending === undefined ? {} : { pendingFields: pending.map((field) => ({ field })) }) };
}

/** Why policies deny the content; undefined when they cannot be asked. */
async function denialsOf(azure: Azure, { place, type, body }: Question): Promise<string[] | undefined> {
  const purpose = { tried: `look up what policies in ${place} deny of ${type}`, what: `The policies in ${place} cannot be looked up` };
  try {
    const answer = await azure.arm.post(`${place}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`, apiVersions.policyRestrictions, body, purpose);
    return objects(object(answer.contentEvaluationResult).policyEvaluations).flatMap(denial);
  } catch {
    azure.signal.throwIfAborted();
    return undefined;
  }
}

function denial({ policyInfo, evaluationResult, evaluationDetails, effectDetails }: Json): string[] {
  const denies = /^deny/i.test(text(object(effectDetails).policyEffect) ?? '') && /^noncompliant$/i.test(text(evaluationResult) ?? '');
  if (!denies) return [];
  const { policyDefinitionId, policyAssignmentId } = object(policyInfo);
  const reason = text(object(evaluationDetails).reason) ?? list(object(evaluationDetails).evaluatedExpressions).map(object).flatMap(({ path }) => text(path) ?? []).join(', ');
  return [deniedBy(text(policyDefinitionId), text(policyAssignmentId), reason)];
}

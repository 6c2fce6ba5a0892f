import type { RoleStore } from '../azure/roles.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { wrapped } from './refusals.js';
import { at, groupOf, pieces, type ArmCall, type Parts, type Provider } from './route.js';

/** What a policy looks at: a resource as it is written, with its type and what it lies in. */
export interface PolicyContent {
  readonly type: string;
  /** ARM id of the parent or, of an extension, of what it is made on; absent for a resource of its own. */
  readonly scope?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A policy with effect deny (or audit), as assigned. */
export interface Policy {
  /** Name of the assignment, and what people call it. */
  readonly name: string;
  readonly displayName: string;
  readonly definition: string;
  /** ARM id that it is assigned at. */
  readonly scope: string;
  readonly effect?: 'deny' | 'audit';
  /** Why it denies a content, undefined when it does not. Asked without fields that are pending. */
  readonly objects: (content: PolicyContent) => string | undefined;
}

/** Source: npm @azure/arm-policyinsights 6.0.0. */
const versions = ['2024-10-01', '2023-03-01', '2022-03-01', '2020-07-01'];
const path = '/providers/microsoft\\.policyinsights/checkpolicyrestrictions';

/** Azure Policy as far as it denies writes, and the look-up of what it would deny. */
export class Policies implements Provider {
  readonly all: Policy[] = [];
  /** What looking up asks for; unconfirmed. */
  readonly knobs = { checkAction: 'Microsoft.PolicyInsights/checkPolicyRestrictions/read' };

  constructor(private readonly roles: RoleStore) {}

  readonly operations: Provider['operations'] = [
    this.#check(pieces.group, groupOf),
    this.#check(pieces.subscription, (parts) => `/subscriptions/${parts('s')}`),
  ];

  /** The refusal of a write that a policy denies. */
  refusal(id: string, body: unknown): SimResponse | undefined {
    const content = { ...kindOf(id), body: isRecord(body) ? body : {} };
    const denials = this.all.flatMap((policy) => {
      const reason = policy.effect !== 'audit' && this.roles.reaches(policy.scope, id) ? policy.objects(content) : undefined;
      return reason === undefined ? [] : [policy];
    });
    if (denials.length === 0) return undefined;
    const name = id.split('/').at(-1) ?? '';
    const identifiers = denials.map((policy) => ({ policyAssignment: { name: policy.displayName, id: assignmentId(policy) }, policyDefinition: { name: policy.definition, id: definitionId(policy) } }));
    const additionalInfo = denials.map((policy) => ({
      type: 'PolicyViolation',
      info: { policyDefinitionDisplayName: policy.definition, policyDefinitionId: definitionId(policy), policyDefinitionEffect: 'deny', policyAssignmentId: assignmentId(policy), policyAssignmentName: policy.name, policyAssignmentDisplayName: policy.displayName, policyAssignmentScope: policy.scope },
    }));
    const refused = wrapped(403, 'RequestDisallowedByPolicy', `Resource '${name}' was disallowed by policy. Policy identifiers: '${JSON.stringify(identifiers)}'.`);
    const { error } = refused.body as { error: object };
    return { ...refused, body: { error: { ...error, target: name, additionalInfo } } };
  }

  #check(place: string, placeOf: (parts: Parts) => string): Provider['operations'][number] {
    return {
      method: 'POST',
      path: at(place, path),
      versions,
      right: (parts: Parts) => ({ action: this.knobs.checkAction, scope: placeOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => this.#answer(call.body, placeOf(parts)),
    };
  }

  #answer(body: unknown, place: string): SimResponse {
    const details = isRecord(body) ? body.resourceDetails : undefined;
    const content = isRecord(details) ? details.resourceContent : undefined;
    if (!isRecord(details) || !isRecord(content) || typeof content.type !== 'string') return wrapped(400, 'InvalidCheckRestrictionsRequest', 'The request must name resourceDetails.resourceContent with its type.');
    const { scope } = details;
    const nested = content.type.split('/').length > 2 || content.type.toLowerCase() === 'microsoft.authorization/roleassignments';
    if (nested && typeof scope !== 'string') return wrapped(400, 'InvalidCheckRestrictionsRequest', `A scope is required for the resource type '${content.type}'.`);
    const { type, ...rest } = content;
    const at = typeof scope === 'string' ? scope : place;
    const looked = { type, body: rest, ...(typeof scope === 'string' ? { scope } : {}) };
    const policyEvaluations = this.all.flatMap((policy) => {
      const reason = this.roles.reaches(policy.scope, at) ? policy.objects(looked) : undefined;
      if (reason === undefined) return [];
      const policyInfo = { policyDefinitionId: definitionId(policy), policyAssignmentId: assignmentId(policy) };
      return [{ policyInfo, evaluationResult: 'NonCompliant', evaluationDetails: { reason }, effectDetails: { policyEffect: policy.effect === 'audit' ? 'Audit' : 'Deny' } }];
    });
    return { status: 200, body: { fieldRestrictions: [], contentEvaluationResult: { policyEvaluations } } };
  }
}

/** Type and parent of what an ARM id names. */
function kindOf(id: string): { type: string; scope?: string } {
  const provider = id.toLowerCase().lastIndexOf('/providers/');
  const [above, last] = [id.slice(0, provider), id.slice(provider + '/providers/'.length)];
  const [namespace = '', ...rest] = last.split('/');
  const types = rest.filter((_part, index) => index % 2 === 0);
  const type = [namespace, ...types].join('/');
  if (types.length > 1) return { type, scope: id.split('/').slice(0, -2).join('/') };
  return /^microsoft\.authorization$/i.test(namespace) ? { type, scope: above } : { type };
}

function assignmentId({ scope, name }: Policy): string {
  return `${scope}/providers/Microsoft.Authorization/policyAssignments/${name}`;
}

function definitionId({ definition }: Policy): string {
  return `/providers/Microsoft.Authorization/policyDefinitions/${definition}`;
}

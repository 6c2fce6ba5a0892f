import type { SimResponse } from '../../kernel/service.js';
import type { KubernetesUser, RequestAttributes } from '../access.js';
import { ApiError, methodNotAllowed } from '../objects/status.js';
import { at, fieldsAt, textAt, textsAt, type Fields } from '../objects/values.js';
import type { Rbac } from '../rbac.js';
import { readObject, type Call } from './call.js';

/** Answers the questions about oneself: may I, what may I, who am I. Nothing is stored. */
export function review(call: Call, rbac: Rbac, allowed: (user: KubernetesUser, attributes: RequestAttributes) => boolean): SimResponse {
  if (call.verb !== 'create') throw methodNotAllowed();
  const body = readObject(call.request);
  const head = { kind: call.kind.kind, apiVersion: call.kind.apiVersion, metadata: { creationTimestamp: null } };
  const answer = (status: Fields): SimResponse => ({ status: 201, body: { ...head, ...(body.spec === undefined ? {} : { spec: body.spec }), status } });
  switch (call.kind.kind) {
    case 'SelfSubjectAccessReview':
      return answer({ allowed: mayI(call.user, body, rbac, allowed) });
    case 'SelfSubjectRulesReview':
      return answer(rulesFor(call.user, textAt(body, 'spec', 'namespace'), rbac));
    default:
      return answer({ userInfo: { username: call.user.name, groups: [...call.user.groups] } });
  }
}

function mayI(user: KubernetesUser, body: Fields, rbac: Rbac, allowed: (user: KubernetesUser, attributes: RequestAttributes) => boolean): boolean {
  const resource = at(body, 'spec', 'resourceAttributes');
  const path = at(body, 'spec', 'nonResourceAttributes');
  if ((resource === undefined) === (path === undefined)) {
    const problem = resource === undefined ? 'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified' : 'Invalid value: cannot be specified in combination with resourceAttributes';
    throw new ApiError(422, 'Invalid', `SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: ${problem}`, { group: 'authorization.k8s.io', kind: 'SelfSubjectAccessReview' });
  }
  if (path !== undefined) return rbac.allowsPath(user, textAt(path, 'verb'), textAt(path, 'path'));
  const asked = fieldsAt(body, 'spec', 'resourceAttributes');
  const field = (name: string): string => textAt(asked, name);
  return allowed(user, { verb: field('verb'), group: field('group'), resource: field('resource'), subresource: field('subresource'), namespace: field('namespace'), name: field('name') });
}

function rulesFor(user: KubernetesUser, namespace: string, rbac: Rbac): Fields {
  const rules = rbac.rules(user, namespace);
  const isPath = (rule: Fields): boolean => textsAt(rule, 'nonResourceURLs').length > 0;
  return {
    resourceRules: rules.filter((rule) => !isPath(rule)),
    nonResourceRules: rules.filter(isPath).map((rule) => ({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs })),
    incomplete: true,
    evaluationError: 'webhook authorizer does not support user rule resolution',
  };
}

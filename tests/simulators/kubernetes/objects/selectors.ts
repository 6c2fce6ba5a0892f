import type { Kind } from './kinds.js';
import { badRequest } from './status.js';
import { at, type KubernetesObject } from './values.js';

/** A parsed selector: true for the objects it selects. */
export type Matcher = (object: KubernetesObject) => boolean;

type Requirement = (labels: Readonly<Record<string, string>>) => boolean;

/**
 * Parses a labelSelector: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`, `a>1`, `a<1`, joined by commas.
 * @throws ApiError 400 on anything else.
 */
export function labelMatcher(selector: string): Matcher {
  const requirements = splitOutsideParentheses(selector).map(requirement);
  return (object) => requirements.every((holds) => holds(object.metadata.labels ?? {}));
}

function splitOutsideParentheses(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '');
}

function requirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    const key = set[1] ?? '';
    return set[2] === 'in' ? (labels) => key in labels && values.includes(labels[key] ?? '') : (labels) => !(key in labels && values.includes(labels[key] ?? ''));
  }
  const absent = /^!\s*([\w./-]+)$/.exec(text)?.[1];
  if (absent !== undefined) return (labels) => !(absent in labels);
  const compared = /^([\w./-]+)\s*(==|=|!=|>|<)\s*([\w.-]*)$/.exec(text);
  if (compared !== null) return comparison(compared[1] ?? '', compared[2] ?? '', compared[3] ?? '');
  if (/^[\w./-]+$/.test(text)) return (labels) => text in labels;
  throw badRequest(`unable to parse requirement: found '${text}', expected: identifier or operator`);
}

function comparison(key: string, operator: string, value: string): Requirement {
  if (operator === '!=') return (labels) => labels[key] !== value;
  if (operator === '>') return (labels) => key in labels && Number(labels[key]) > Number(value);
  if (operator === '<') return (labels) => key in labels && Number(labels[key]) < Number(value);
  return (labels) => labels[key] === value;
}

const fields: Readonly<Record<string, readonly string[]>> = {
  Pod: ['status.phase', 'spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'status.podIP'],
  Event: ['type', 'reason', 'source', 'involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'involvedObject.uid', 'involvedObject.apiVersion', 'involvedObject.fieldPath', 'involvedObject.resourceVersion'],
  Secret: ['type'],
  Namespace: ['status.phase'],
  Job: ['status.successful'],
  ReplicaSet: ['status.replicas'],
  Node: ['spec.unschedulable'],
};

/**
 * Parses a fieldSelector over the fields that the kind offers besides metadata.name and metadata.namespace.
 * @throws ApiError 400 for a field label that the kind does not support; kinds without fields of their own say which they know. Source: kubernetes
 * pkg/apis/core/v1/conversion.go, k8s.io/apimachinery DefaultMetaV1FieldSelectorConversion.
 */
export function fieldMatcher({ kind, type }: Pick<Kind, 'kind' | 'type'>, selector: string): Matcher {
  const custom = type === undefined;
  const tests = selector.split(',').filter((part) => part !== '').map((part): Matcher => {
    const parsed = /^([\w.]+)(!=|==|=)(.*)$/.exec(part.trim());
    if (parsed === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const field = parsed[1] ?? '';
    if (!['metadata.name', 'metadata.namespace', ...(fields[kind] ?? [])].includes(field)) {
      const others = fields[kind] === undefined && !custom;
      throw badRequest(others ? `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"` : `field label not supported: ${field}`);
    }
    const value = parsed[3] ?? '';
    return (object) => (text(at(object, ...field.split('.'))) === value) === (parsed[2] !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** True when labels satisfy a LabelSelector object (matchLabels and matchExpressions). An empty selector selects everything. */
export function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const wanted = at(selector, 'matchLabels');
  const pairs = typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : [];
  if (!pairs.every(([key, value]) => labels[key] === value)) return false;
  const expressions = at(selector, 'matchExpressions');
  return (Array.isArray(expressions) ? expressions : []).every((expression: unknown) => {
    const key = String(at(expression, 'key'));
    const values = at(expression, 'values');
    const listed = Array.isArray(values) && values.includes(labels[key]);
    switch (at(expression, 'operator')) {
      case 'In':
        return key in labels && listed;
      case 'NotIn':
        return !(key in labels && listed);
      case 'Exists':
        return key in labels;
      default:
        return !(key in labels);
    }
  });
}

import { objects, strings, text, texts, type Json } from './json.js';

/** One condition on a label. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** For In and NotIn. */
  readonly values?: readonly string[];
}

/** What picks objects by their labels; without conditions it picks all. Source: Kubernetes API reference, LabelSelector. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

const operators: readonly LabelRequirement['operator'][] = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** Reads a selector as an object has it; conditions that Kubernetes does not know are left out. */
export function selectorOf(raw: Json): LabelSelector {
  const matchExpressions = objects(raw.matchExpressions).flatMap((one): LabelRequirement[] => {
    const operator = operators.find((candidate) => candidate === one.operator);
    const key = text(one.key);
    if (operator === undefined || key === undefined) return [];
    return [{ key, operator, ...(operator === 'In' || operator === 'NotIn' ? { values: texts(one.values) } : {}) }];
  });
  const matchLabels = strings(raw.matchLabels);
  return {
    ...(Object.keys(matchLabels).length === 0 ? {} : { matchLabels }),
    ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
  };
}

/** True when the selector picks what has these labels; a label whose value is not known beforehand is undefined. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Readonly<Record<string, string | undefined>>): boolean {
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return equal && matchExpressions.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values = [] }: LabelRequirement, labels: Readonly<Record<string, string | undefined>>): boolean {
  const present = key in labels;
  const among = values.includes(labels[key] ?? '') && labels[key] !== undefined;
  switch (operator) {
    case 'In':
      return among;
    case 'NotIn':
      return !among;
    case 'Exists':
      return present;
    case 'DoesNotExist':
      return !present;
  }
}

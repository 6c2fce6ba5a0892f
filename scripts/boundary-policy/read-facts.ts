import { outside, type BoundaryPolicy } from '../../tasks/_shared/fleet/boundary-policy.js';
import { guid } from '../../tasks/_shared/fleet/guid.js';
import type { BoundaryFacts } from './definitions.js';

/**
 * Reads the facts: `{"boundaries": {"prod": {"issuers": ["https://…/"], "principals": ["…"]}}, "parents": {"mg-prod": "mg-root"}}`.
 * @throws Error that names what is wrong.
 */
export function readFacts(text: string, policy: BoundaryPolicy): BoundaryFacts {
  const root = fields(JSON.parse(text), 'the facts', ['boundaries', 'parents']);
  const known = [outside, ...policy.boundaries.map(({ name }) => name)];
  const boundaries = Object.entries(fields(root.boundaries ?? {}, 'boundaries', known)).map(([name, value]) => {
    const { issuers, principals } = fields(value, name, ['issuers', 'principals']);
    return [name, texts(issuers ?? [], `${name}.issuers`, /^https:\/\/\S+$/), texts(principals ?? [], `${name}.principals`, guid)] as const;
  });
  const parents = Object.entries(fields(root.parents ?? {}, 'parents')).map(([group, parent]) => [group, texts([parent], `parents.${group}`, /./)[0] ?? ''] as const);
  return {
    issuers: Object.fromEntries(boundaries.map(([name, issuers]) => [name, issuers])),
    principals: Object.fromEntries(boundaries.map(([name, , principals]) => [name, principals])),
    parents: Object.fromEntries(parents),
  };
}

/** The GUIDs by name of the roles that the pipeline may grant, from templates/bootstrap/roles.json. @throws Error for another file. */
export function readRoleIds(text: string): Readonly<Record<string, string>> {
  const { grantable } = fields(JSON.parse(text), 'roles.json');
  return Object.fromEntries(Object.entries(fields(grantable, 'grantable')).map(([name, id]) => [name, texts([id], name, guid)[0] ?? '']));
}

function fields(value: unknown, what: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what}: a JSON object is expected.`);
  const entries = Object.entries(value);
  const [stray] = known === undefined ? [] : entries.filter(([name]) => !known.includes(name));
  if (stray !== undefined) throw new Error(`${what}: there is no "${stray[0]}" here; possible are ${known?.join(', ') ?? ''}.`);
  return Object.fromEntries(entries);
}

function texts(value: unknown, what: string, form: RegExp): string[] {
  if (!Array.isArray(value)) throw new Error(`${what}: a JSON array is expected.`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string' || !form.test(item)) throw new Error(`${what}: ${JSON.stringify(item)} does not look like one.`);
    return item;
  });
}

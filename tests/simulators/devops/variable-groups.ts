import type { SimRequest, SimResponse } from '../kernel/service.js';
import { includes, type VariableGroup } from './model.js';
import { refusal } from './refusals.js';

/** Query parameters of the list that are understood; others are not simulated. */
export const listParameters = ['groupName', 'actionFilter', '$top', 'continuationToken', 'queryOrder', 'groupIds', 'api-version'];
/** Wire values of VariableGroupActionFilter: None, Manage, Use. A reader may not manage. */
const filters = new Map([
  ['0', true],
  ['none', true],
  ['2', false],
  ['manage', false],
  ['16', true],
  ['use', true],
]);

/**
 * Answers the list of variable groups. A group that the pipeline may not read is left out without a word, so that "no permission"
 * and "no such name" look the same. Source: Azure DevOps docs and public threads on variable groups.
 */
export function listVariableGroups(request: SimRequest, groups: readonly VariableGroup[], pipelineId: number): SimResponse {
  const { searchParams } = request.url;
  const usable = filters.get((searchParams.get('actionFilter') ?? 'none').toLowerCase());
  const top = Number(searchParams.get('$top') ?? '1000000');
  const after = searchParams.get('continuationToken');
  if (usable === undefined || !Number.isInteger(top) || top < 0 || (after !== null && !/^\d+$/.test(after))) {
    return refusal(400, 'VssPropertyValidationException', 'A query parameter has a value that is not valid.');
  }
  const ascending = ['0', 'idascending'].includes((searchParams.get('queryOrder') ?? '1').toLowerCase());
  const direction = ascending ? 1 : -1;
  const ids = searchParams.get('groupIds')?.split(',').map(Number);
  const found = groups
    .filter((group) => usable && includes(group.readers, pipelineId) && matches(group.name, searchParams.get('groupName')))
    .filter((group) => ids?.includes(group.id) ?? true)
    .filter((group) => after === null || (group.id - Number(after)) * direction >= 0)
    .sort((one, other) => (one.id - other.id) * direction);
  const next = found[top];
  const headers = next === undefined ? {} : { 'x-ms-continuationtoken': String(next.id) };
  const value = found.slice(0, top).map(shown);
  return { status: 200, headers, body: { count: value.length, value } };
}

/** Names compare without case; a star at the end stands for any rest. */
function matches(name: string, pattern: string | null): boolean {
  if (pattern === null || pattern === '') return true;
  const wanted = pattern.toLowerCase();
  return wanted.endsWith('*') ? name.toLowerCase().startsWith(wanted.slice(0, -1)) : name.toLowerCase() === wanted;
}

/** A group as it is given out: secrets keep their names only. */
function shown(group: VariableGroup): object {
  const variables = Object.entries(group.variables).map(([name, { value, isSecret }]) => [name, isSecret === true ? { value: null, isSecret: true } : { value }]);
  const { id, name, description = '' } = group;
  return { id, type: 'Vsts', name, description, variables: Object.fromEntries(variables) as object, isShared: false, variableGroupProjectReferences: null };
}

import { parseArmId, resourceGroupName, resourceTypes } from './arm-id.js';
import { labelsOf } from './labels.js';
import { shown } from './shown.js';
import { readYaml } from './yaml-text.js';

/** The inputs that an entry of the cluster list may set for its own cluster. */
export const overridable = ['identity', 'identityResourceGroup', 'keyVault', 'secrets', 'registry', 'values', 'allowedFlows', 'egressAllowed', 'apiServerRanges'] as const;
export type Overridable = (typeof overridable)[number];
/** Those that may be lists as well. */
const lists: readonly Overridable[] = ['secrets', 'allowedFlows', 'egressAllowed', 'apiServerRanges'];

/** One cluster of the fleet as the user names it. */
export interface ClusterEntry {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly name: string;
  /** ARM id in canonical spelling. */
  readonly id: string;
  /** What logs, names and maps call it: its name, with the resource group before it where two of a fleet share the name. */
  readonly label: string;
  /** The name that a mapping of clusters gives it. */
  readonly key?: string;
  /** Values that this cluster sets in place of the task's inputs. */
  readonly overrides: Readonly<Partial<Record<Overridable, string>>>;
}

/** What is wrong with one entry of a cluster list. */
export interface ListMistake {
  /** The entry as it was given, fit for a message. */
  readonly given: string;
  readonly because: string;
}

const wanted = 'a cluster is its ARM id (/subscriptions/…/managedClusters/name) or resourceGroup/name; commas or lines separate them';
const clusterType = 'Microsoft.ContainerService/managedClusters';
const unexpanded = /^\$\(([^)]*)\)$/;

/**
 * Reads a list of clusters: ARM ids or `resourceGroup/name`, separated by commas or lines; or a JSON or YAML sequence of such
 * strings or of mappings `{cluster, <override>: …}`; or a JSON or YAML mapping from a name to one of these.
 * @param subscriptionId completes `resourceGroup/name`; absent when the connection has none.
 */
export function parseClusters(text: string, subscriptionId: string | undefined): { clusters: ClusterEntry[]; mistakes: ListMistake[] } {
  const clusters: ClusterEntry[] = [];
  const mistakes: ListMistake[] = [];
  const listed = new Set<string>();
  for (const { key, raw } of entriesOf(text, mistakes)) {
    const entry = readEntry(raw, subscriptionId);
    if ('because' in entry) mistakes.push(entry);
    else if (listed.has(entry.id.toLowerCase())) mistakes.push({ given: entry.id, because: 'it is listed twice' });
    else {
      listed.add(entry.id.toLowerCase());
      clusters.push(key === undefined ? entry : { ...entry, key });
    }
  }
  if (clusters.length === 0 && mistakes.length === 0) mistakes.push({ given: text.trim(), because: `the list is empty; ${wanted}` });
  const labels = labelsOf(clusters);
  return { clusters: clusters.map((entry, index) => ({ ...entry, label: labels[index] ?? entry.name })), mistakes };
}

/** An entry of the list as it was written, with the name that a mapping gives it. */
interface RawEntry {
  readonly key?: string;
  readonly raw: unknown;
}

function entriesOf(text: string, mistakes: ListMistake[]): RawEntry[] {
  const trimmed = text.trim();
  const variable = unexpanded.exec(trimmed);
  if (variable !== null) {
    mistakes.push({
      given: trimmed,
      because: `the variable ${variable[1] ?? ''} has no value in this job: link the variable group that defines it, or check its name`,
    });
    return [];
  }
  if (!/^(\[|\{|#|-(\s|--))/.test(trimmed)) {
    return trimmed.split(/[,\r\n]+/).map((part) => part.trim()).filter((part) => part !== '').map((raw) => ({ raw }));
  }
  const read = readYaml(text);
  if ('flaw' in read) mistakes.push({ given: begin(trimmed), because: `it is neither JSON nor YAML: ${read.flaw}` });
  else if (Array.isArray(read.content)) return read.content.map((raw: unknown) => ({ raw }));
  else if (isMapping(read.content)) return Object.entries(read.content).map(([key, raw]) => ({ key, raw }));
  else mistakes.push({ given: begin(trimmed), because: 'a JSON or YAML value has to be a sequence of clusters, or a mapping from names to clusters' });
  return [];
}

/** True for a mapping from names to clusters; what has the keys of an entry is one that lacks its sequence. */
function isMapping(content: unknown): content is Readonly<Record<string, unknown>> {
  return typeof content === 'object' && content !== null && !['cluster', ...overridable].some((key) => key in content);
}

function readEntry(raw: unknown, subscriptionId: string | undefined): ClusterEntry | ListMistake {
  if (typeof raw === 'string') return locate(raw, subscriptionId, {});
  const given = shown(outline(raw));
  if (typeof raw !== 'object' || raw === null) return { given, because: wanted };
  const { cluster, ...rest } = raw as Record<string, unknown>;
  if (typeof cluster !== 'string') return { given, because: 'the mapping has no text under "cluster"' };
  const overrides: Partial<Record<Overridable, string>> = {};
  for (const [key, entry] of Object.entries(rest)) {
    const name = overridable.find((candidate) => candidate === key);
    if (name === undefined) return { given, because: `"${key}" cannot be set per cluster; possible are ${overridable.join(', ')}` };
    const parts: unknown[] = lists.includes(name) && Array.isArray(entry) ? entry : [entry];
    if (!parts.every((part) => typeof part === 'string')) return { given, because: `"${key}" has to be text${lists.includes(name) ? ', or a list of texts' : ''}` };
    overrides[name] = parts.join(',');
  }
  return locate(cluster, subscriptionId, overrides);
}

function locate(text: string, subscriptionId: string | undefined, overrides: ClusterEntry['overrides']): ClusterEntry | ListMistake {
  const given = shown(text);
  if (text.startsWith('/')) {
    const id = parseArmId(text);
    if (id?.type.toLowerCase() !== clusterType.toLowerCase()) return { given, because: `it is not a cluster's id; ${wanted}` };
    if (!resourceTypes[clusterType].pattern.test(id.name)) return { given, because: `no cluster is called ${shown(id.name)}: a name is ${resourceTypes[clusterType].form}` };
    return entry(id.subscriptionId, id.resourceGroup, id.name, overrides);
  }
  const [group = '', name = '', ...more] = text.split('/');
  if (more.length > 0 || !resourceGroupName.test(group) || !resourceTypes[clusterType].pattern.test(name)) return { given, because: wanted };
  if (subscriptionId === undefined) return { given, because: 'the service connection has no subscription that would complete it: give the ARM id' };
  return entry(subscriptionId, group, name, overrides);
}

function entry(subscriptionId: string, resourceGroup: string, name: string, overrides: ClusterEntry['overrides']): ClusterEntry {
  const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.ContainerService/managedClusters/${name}`;
  return { subscriptionId, resourceGroup, name, id, label: name, overrides };
}

/** An entry as the user may recognise it: of a mapping the cluster and the keys, since values may be confidential. */
function outline(raw: unknown): string {
  if (Array.isArray(raw)) return '[…]';
  if (typeof raw !== 'object' || raw === null) return String(raw);
  const parts = Object.entries(raw).map(([key, value]: [string, unknown]) => (key === 'cluster' && typeof value === 'string' ? `cluster: ${value}` : `${key}: …`));
  return `{${parts.join(', ')}}`;
}

/** The beginning of a text, up to where a confidential value could be. */
function begin(text: string): string {
  const end = text.search(/[{:]/);
  return end === -1 ? shown(text) : `${shown(text.slice(0, end + 1))}…`;
}

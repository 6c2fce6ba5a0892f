import type { JournalEntry } from '../reconcile/ports.js';
import { writesOf, type JournalledWrite, type JournalLine } from './ledger.js';

/** A write in the log, before it is sent: `  write    create federated credential wi-x of identity id-orders in rg-dev`. */
export function writeLine(entry: JournalEntry): string {
  return `  write    ${writeTitle(entry)}`;
}

/** The log's words for the end of a run that left writes open: each with what goes on without it. Empty when there is none. */
export function unfinishedText(journal: readonly JournalLine[]): string[] {
  const open = openWrites(journal);
  if (open.length === 0) return [];
  return ['', 'Unfinished writes', ...open.map((write) => `  ${writeTitle(write.entry)}: ${whatGoesOn(write)}`), 'Nothing is rolled back. Run again: the next run goes on from what it finds.'];
}

/** The writes of which nobody knows how they ended, in the order in which they were sent. */
export function openWrites(journal: readonly JournalLine[]): JournalledWrite[] {
  return writesOf(journal).filter(({ outcome }) => outcome === 'unknown');
}

/** What a write does to which object, in the words of the documentation. */
export function writeTitle({ action, object, cluster }: JournalEntry): string {
  const title = `${action} ${objectTitle(object)}`;
  if (cluster === undefined || title.split(' ').includes(cluster)) return title;
  return `${title} ${object.startsWith('/subscriptions/') ? 'for' : 'on'} ${cluster}`;
}

function whatGoesOn({ entry, accepted }: JournalledWrite): string {
  if (accepted) return 'Azure has accepted it and goes on with it without this run';
  if (isHelm(entry)) return 'helm had not ended; its release may be left pending, and the next run takes it over when helm’s time is up';
  return 'it was sent and no answer came, so it may have been made or not';
}

function isHelm({ object }: JournalEntry): boolean {
  return object.startsWith('helm release ');
}

/** Our words for types of ARM and resources of Kubernetes, in lower case; others are called as the service calls them. */
const words: Readonly<Record<string, string>> = {
  managedclusters: 'cluster',
  userassignedidentities: 'identity',
  federatedidentitycredentials: 'federated credential',
  roleassignments: 'role assignment',
  vaults: 'vault',
  registries: 'registry',
  namespaces: 'namespace',
  secrets: 'secret',
  serviceaccounts: 'service account',
};

function objectTitle(object: string): string {
  if (object.startsWith('/subscriptions/')) return armTitle(object);
  const kubernetes = /^\/api(?:s\/[^/]+)?\/v[^/]+\/(.+)$/.exec(object)?.[1];
  return kubernetes === undefined ? object : kubernetesTitle(kubernetes);
}

/** `…/vaults/kv/secrets/db/providers/Microsoft.Authorization/roleAssignments/1` is `role assignment 1 on secret db of vault kv in rg`. */
function armTitle(id: string): string {
  const [scope = '', ...resources] = id.split(/\/providers\//i);
  const group = /\/resourceGroups\/([^/]+)$/i.exec(scope)?.[1];
  const titles = resources.map((resource) => pairs(resource.split('/').slice(1)).reverse().join(' of '));
  return `${titles.reverse().join(' on ')}${group === undefined ? '' : ` in ${group}`}`;
}

/** `namespaces/orders/serviceaccounts/api` is `service account orders/api`. */
function kubernetesTitle(path: string): string {
  const [first = '', place = '', resource, name = ''] = path.split('/');
  return resource === undefined ? `${word(first)} ${place}` : `${word(resource)} ${place}/${name}`;
}

function pairs(segments: readonly string[]): string[] {
  return segments.flatMap((segment, index) => (index % 2 === 0 ? [`${word(segment)} ${segments[index + 1] ?? ''}`] : []));
}

function word(type: string): string {
  return words[type.toLowerCase()] ?? type;
}

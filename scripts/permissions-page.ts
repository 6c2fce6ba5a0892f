import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import bootstrap from '../templates/bootstrap/roles.json' with { type: 'json' };
import { auditRights } from '../tasks/AuditWorkloadIdentity/rights.js';
import { userCredentialAction } from '../tasks/_shared/azure/cluster-credential.js';
import type { Permission } from '../tasks/_shared/reconcile/resource.js';
import { bootstrappedRig, rightsSteps } from '../tests/fleet/bootstrapped-rig.js';

const page = new URL('../docs/permissions.md', import.meta.url);
const [begin, end] = ['<!-- The tables below are made by npm run permissions. -->', '<!-- The tables above are made by npm run permissions. -->'];

/** What one task needs, as its resources and proofs declare it. */
interface Needs {
  readonly title: string;
  readonly reads: readonly Permission[];
  readonly writes: readonly Permission[];
}

/** Plans every task against the simulators just before it runs, and asks what it planned which rights it needs. */
async function needsOfTasks(): Promise<Needs[]> {
  const rig = await bootstrappedRig();
  const found = new Map<string, Needs>();
  for (const { title, run } of rightsSteps) {
    const { plan, preflight } = await run(rig, { dryRun: true });
    const declared = plan.flatMap(({ resource, known }) => resource.reads?.(known) ?? []);
    const inCluster = [...declared, ...preflight.permissions].find(({ plane }) => plane === 'kubernetes')?.scope.split('/namespaces/')[0];
    const reads: Permission[] = [...declared, ...(inCluster === undefined ? [] : [{ plane: 'azure', action: userCredentialAction, scope: inCluster } as const])];
    const writes = preflight.permissions.filter((one) => !reads.some((other) => other.action === one.action && other.plane === one.plane));
    if (!found.has(title)) found.set(title, { title, reads, writes });
    const { result } = await run(rig);
    if (result !== 'succeeded') throw new Error(`${title} ended as ${result}`);
  }
  return [...found.values()];
}

/** What an audit reads, at one object of each sort: it plans nothing that could be asked. */
function readsOfAudit(): Permission[] {
  const at = { subscriptionId: 's', resourceGroup: 'rg' };
  const [group, type, name] = ['/subscriptions/s/resourceGroups/rg/providers', 'Microsoft.OperationalInsights/workspaces', 'sign-ins'];
  return auditRights({
    subscriptions: [at.subscriptionId],
    clusters: [{ id: `${group}/Microsoft.ContainerService/managedClusters/aks` }],
    managementGroups: ['/providers/Microsoft.Management/managementGroups/g'],
    signIns: { service: { endpoint: '', audience: '' }, workspace: { ...at, type, name, id: `${group}/${type}/${name}` } },
  });
}

/** The tables of the page. */
export async function permissionTables(): Promise<string> {
  const needs = await needsOfTasks();
  const audit = readsOfAudit();
  const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  const rows = (kind: 'reads' | 'writes'): string[][] => needs.map((need) => [need.title, told(need[kind], 'azure'), told(need[kind], 'kubernetes')]);
  const heads = ['task', 'Azure actions', 'in the cluster'];
  const roles = Object.values(bootstrap.custom).map(({ name, description, actions, dataActions }) => [name, description.replace(/\.$/, ''), [...actions, ...dataActions].map((action) => `\`${action}\``).join('<br>')]);
  return [
    'Reading, in every run, dry or not:',
    table(heads, [['SelectClusters', 'none', 'none'], ...rows('reads'), ['AuditWorkloadIdentity', told(audit, 'azure'), told(audit, 'kubernetes')]]),
    'Writing and proving, when a run applies. For DeployWithIdentity with a chart of Deployment, Service and the like; each kind that a chart renders adds its own:',
    table(heads, rows('writes')),
    'The custom roles of the [bootstrap](../templates/bootstrap/README.md), which assigns them where they belong, together with the built-in Role Based Access Control Administrator under a condition:',
    table(['role', 'for', 'actions and data actions'], roles),
  ].join('\n\n');
}

function told(permissions: readonly Permission[], plane: Permission['plane']): string {
  const places = new Map<string, Set<string>>();
  for (const { action, scope } of permissions.filter((one) => one.plane === plane)) {
    const place = placeOf(scope);
    places.set(place, (places.get(place) ?? new Set()).add(action));
  }
  const parts = [...places].map(([place, actions]) => {
    const list = plane === 'azure' ? [...actions].sort().map((action) => `\`${action}\``).join('<br>') : byKind(actions);
    return `${place}:<br>${list}`;
  });
  return parts.length === 0 ? 'none' : parts.sort().join('<br>');
}

/** `get, create namespaces` */
function byKind(actions: ReadonlySet<string>): string {
  const kinds = new Map<string, string[]>();
  for (const action of actions) {
    const [verb = '', kind = ''] = action.split(' ');
    kinds.set(kind, [...(kinds.get(kind) ?? []), verb]);
  }
  return [...kinds].sort().map(([kind, verbs]) => `${verbs.join(', ')} ${kind}`).join('<br>');
}

function placeOf(scope: string): string {
  const words: readonly (readonly [RegExp, string])[] = [
    [/\/namespaces\//i, 'in the namespace'],
    [/\/secrets\//i, 'at the secret'],
    [/\/vaults\//i, 'at the vault'],
    [/\/storageAccounts\//i, 'at the scope of the line'],
    [/\/registries\//i, 'at the registry'],
    [/\/managedClusters\//i, 'at the cluster'],
    [/\/userAssignedIdentities\//i, 'at the identity'],
    [/\/workspaces\//i, 'at the workspace with sign-ins'],
    [/\/resourceGroups\//i, 'at the identities’ resource group'],
    [/^\/subscriptions\//i, 'at the subscription'],
    [/\/managementGroups\//i, 'at the management group'],
  ];
  return words.find(([pattern]) => pattern.test(scope))?.[1] ?? scope;
}

/** The page with these tables between its marks. */
export function withTables(text: string, tables: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error('docs/permissions.md has lost the marks of its tables');
  return `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(page, withTables(await readFile(page, 'utf8'), await permissionTables()));
}

import { credentialName } from '../../tasks/_shared/fleet/names.js';
import { tenantId } from '../simulators/azure/authority.js';
import { clusterId } from '../unit/azure/azure-world.js';
import { identityOf, type CredentialKind, type Scenario } from './scenario.js';
import type { AssignmentView, View } from './view.js';

/** Why a run cannot make everything true, as far as the scenario tells; empty when it can. */
export function obstacles(scenario: Scenario): string[] {
  const found: string[] = [];
  for (const [cluster, kind] of scenario.accounts) {
    const another = kind === 'another identity of another' || (kind === 'same annotations of another' && !scenario.identities.has(identityOf(scenario, cluster)));
    if (another) found.push(`${cluster}: the service account belongs to another`);
  }
  for (const [name, { grants, credentials, full }] of scenario.identities) {
    const inherited = [...grants.values()].includes('inherited from the vault');
    if ([...grants.values()].includes('conditioned') && !inherited) found.push(`${name}: a condition stands in the way`);
    const missing = [...credentials.values()].filter((kinds) => !kinds.some((kind) => kind.startsWith('ours') && kind !== 'ours of another cluster') && !kinds.includes('equal under another name'));
    if (full && missing.length > 0) found.push(`${name}: no room for a credential`);
  }
  return found;
}

/** What is not as it should be after a run that could make everything true. */
export function untrue(scenario: Scenario, now: View, vault: string, issuer: (cluster: string) => string): string[] {
  return scenario.clusters.flatMap((cluster) => {
    const identity = now.identities.find(({ name }) => name === identityOf(scenario, cluster));
    if (identity === undefined) return [`${cluster}: no identity`];
    const trusted = identity.credentials.some(({ properties: { issuer: given, subject } }) => given === issuer(cluster) && subject === 'system:serviceaccount:orders:api');
    const reaches = (entry: AssignmentView, secret: string): boolean => entry.principalId === identity.principalId && entry.condition === undefined && [vault, `${vault}/secrets/${secret}`].includes(entry.scope);
    const unreadable = scenario.secrets.filter((secret) => !now.assignments.some((entry) => reaches(entry, secret)));
    const annotations = now.accounts[cluster]?.annotations ?? {};
    const annotated = annotations['azure.workload.identity/client-id'] === identity.clientId && annotations['azure.workload.identity/tenant-id'] === tenantId;
    return [...(trusted ? [] : [`${cluster}: no credential serves`]), ...unreadable.map((secret) => `${cluster}: ${secret} is not granted`), ...(annotated ? [] : [`${cluster}: not annotated`])];
  });
}

/** What is somebody else's in a state: no run may change any of it. */
export function foreignIn(scenario: Scenario, { identities, assignments, accounts }: View, start: View): unknown {
  const ours = ownCredentials(scenario);
  const known = new Set(start.assignments.filter((entry) => !isOurs(entry)).map(({ name }) => name));
  return {
    identities: identities.filter(({ name }) => scenario.identities.has(name)).map(({ credentials, ...identity }) => ({ ...identity, credentials: credentials.filter(({ name }) => !ours.has(name)) })),
    assignments: assignments.filter(({ name }) => known.has(name)),
    accounts: Object.entries(accounts).map(([cluster, account]) => {
      if (account === undefined || start.accounts[cluster] === undefined || account.labels['aks-workload-identity/managed'] === 'true') return [cluster];
      const others = Object.entries(account.annotations).filter(([name]) => !name.startsWith('azure.workload.identity/'));
      return [cluster, account.labels, others];
    }),
  };
}

/**
 * What is left after everything of this run's workload was taken back. Namespaces are left alone, so they are not told.
 * @param start what was there before the first run
 * @param made what was there before it was taken back
 */
export function afterwards(scenario: Scenario, start: View, made: View): Pick<View, 'identities' | 'assignments' | 'accounts'> {
  const ours = ownCredentials(scenario);
  const found = new Map(start.assignments.map((entry) => [entry.name, entry]));
  const principals = new Set(start.identities.map(({ principalId }) => principalId));
  // Whoever else may use an identity may need what was granted to it.
  const users: readonly CredentialKind[] = ['ours of another cluster', 'of another account', 'identity binding'];
  const served = new Set(start.identities.filter(({ name }) => {
    const found = scenario.identities.get(name);
    return found?.full === true || [...(found?.credentials.values() ?? [])].some((kinds) => kinds.some((kind) => users.includes(kind)));
  }).map(({ principalId }) => principalId));
  const assignments = made.assignments.filter((entry) => served.has(entry.principalId) || (found.has(entry.name) && !(isOurs(entry) && principals.has(entry.principalId))));
  const identities = start.identities
    .map((identity) => ({ ...identity, credentials: identity.credentials.filter(({ name }) => !ours.has(name)) }))
    .filter(({ name, credentials, principalId }) => scenario.identities.get(name)?.maker === 'foreign' || credentials.length > 0 || assignments.some((entry) => entry.principalId === principalId));
  // An account of this project that carries another identity has moved there: it is not this run's to take.
  const accounts = Object.fromEntries(Object.entries(start.accounts).map(([cluster, account]) => {
    const found = made.accounts[cluster];
    if (found?.labels['aks-workload-identity/managed'] !== 'true') return [cluster, account];
    const clientId = made.identities.find(({ name }) => name === identityOf(scenario, cluster))?.clientId;
    return [cluster, found.annotations['azure.workload.identity/client-id'] === clientId ? undefined : found];
  }));
  return { identities, assignments, accounts };
}

function ownCredentials({ clusters }: Scenario): ReadonlySet<string> {
  return new Set(clusters.map((cluster) => credentialName(clusterId(cluster), cluster, 'orders', 'api')));
}

function isOurs({ description = '' }: AssignmentView): boolean {
  return description.startsWith('aks-workload-identity |');
}

import type { Services } from '../_shared/agent/services.js';
import { AdminUserLogins } from '../_shared/azure/admin-user-logins.js';
import type { Azure } from '../_shared/azure/azure.js';
import { AdminUser } from '../_shared/azure/registry-admin.js';
import type { RegistryState } from '../_shared/azure/registry-lookup.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { reportText, type ConsumerReport } from '../_shared/fleet/consumer-report.js';
import { RegistryAccountUsers } from '../_shared/kubernetes/registry-account-users.js';
import type { ProblemParts } from '../_shared/reconcile/problem.js';
import type { AnyProof, Proof } from '../_shared/reconcile/proof.js';
import { output, type Producer } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import type { AdminUserInputs } from './admin-user-inputs.js';

/** A registry that roles are granted on, with the proofs of those grants. */
export interface GrantedRegistry {
  readonly place: ArmId;
  readonly lookup: Producer<RegistryState>;
  readonly proofs: readonly AnyProof[];
}

/** What the admin users of the run's registries add to its plan. */
export interface AdminUsers {
  readonly resources: readonly AnyResource[];
  readonly proofs: readonly AnyProof[];
  outputs(result: RunResult): Readonly<Record<string, string>>;
}

/**
 * Reports, switches off or restores the admin user of each registry.
 * @param azure the registries' own
 * @param first keys of what has to be right before an admin user is switched off, beside what the proofs need
 */
export function adminUsers({ wish, force, log }: AdminUserInputs, granted: readonly GrantedRegistry[], clusters: readonly ClusterEntry[], services: Services, azure: Azure, first: readonly string[]): AdminUsers {
  if (wish === 'keep') return { resources: [], proofs: [], outputs: () => ({}) };
  const all = distinct(granted).map(({ place, lookup, proofs }) => {
    const loginServer = output(lookup, (state) => state.loginServer);
    const users = clusters.map((entry) => new RegistryAccountUsers(services.cluster(entry), place.id, place.name, loginServer));
    const inquiries = wish === 'restore' ? [] : [...users, new AdminUserLogins(services.azure, place, log, loginServer)];
    const account = new AdminUser(azure, { registry: place, wish, force, inquiries, ...(wish === 'disable' ? { proofs, first } : { proofs: [], first: [] }) });
    return { place, account, inquiries, proofs: inquiries.map((inquiry) => told(inquiry, place, log !== undefined)) };
  });
  return {
    resources: all.flatMap(({ account, inquiries }) => [...inquiries, account]),
    proofs: all.flatMap(({ proofs }) => proofs),
    outputs: (result) => ({ adminUserConsumers: JSON.stringify(Object.fromEntries(all.map(({ place, account, inquiries }) => [place.name, summary(result, account, inquiries)]))) }),
  };
}

/** Where consumers are looked for. */
type Place = RegistryAccountUsers | AdminUserLogins;

/** One registry of each ARM id, with the proofs of all grants on it. */
function distinct(granted: readonly GrantedRegistry[]): GrantedRegistry[] {
  const found = new Map<string, GrantedRegistry>();
  for (const one of granted) {
    const id = one.place.id.toLowerCase();
    const same = found.get(id);
    found.set(id, same === undefined ? one : { ...same, proofs: [...same.proofs, ...one.proofs] });
  }
  return [...found.values()];
}

/** The consumers at one place as a line of the report: unknown ones make the run end with issues, where they were asked for. */
function told(inquiry: Place, registry: ArmId, logged: boolean): AnyProof {
  const proof: Proof<{ report: ConsumerReport }> = {
    key: `told ${inquiry.key}`,
    title: `admin user ${registry.name}`,
    ...('cluster' in inquiry ? { cluster: inquiry.cluster } : {}),
    proves: [inquiry.key],
    inputs: { report: output(inquiry, (state) => state) },
    run: ({ report }) => {
      const summary = `${report.place === 'elsewhere' ? 'elsewhere ' : ''}${reportText(report)}`;
      if (report.unknown === undefined) return Promise.resolve({ level: 'observed', summary });
      return Promise.resolve({ level: 'none', summary, ...('cluster' in inquiry || logged ? { shortfall: unseen(report, registry) } : {}) });
    },
  };
  return proof;
}

function unseen({ place, unknown = '' }: ConsumerReport, { name }: ArmId): ProblemParts {
  if (place === 'elsewhere') {
    return { code: 'WI2542', what: `Who signs in as admin user ${name} elsewhere is unknown`, because: unknown, remedy: 'let the service connection query the workspace, and the registry send its ContainerRegistryLoginEvents there; then run again' };
  }
  return { code: 'WI4121', what: `Who uses admin user ${name} on ${place} is unknown`, because: unknown, remedy: 'let the service connection list the kinds that docs/permissions.md names in the whole cluster, secrets among them, and run again' };
}

/** `{"enabled":true,"consumers":{"aks-1":["orders/secret/acr: …"],"elsewhere":"unknown, since …"}}` */
function summary(result: RunResult, account: AdminUser, inquiries: readonly Place[]): object {
  const reports = inquiries.flatMap((inquiry) => stateOf(result, inquiry) ?? []);
  const consumers = Object.fromEntries(reports.map((report) => [report.place, report.unknown === undefined ? report.consumers : reportText(report)]));
  return { enabled: stateOf(result, account)?.enabled ?? 'unknown', consumers };
}

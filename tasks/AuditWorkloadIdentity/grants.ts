import { namedAssignments, type AccessInventory, type NamedAssignment } from '../_shared/azure/access-inventory.js';
import type { AccessJudge, JudgedAccess } from '../_shared/azure/access-judge.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import { beyond, policyObject, readPolicy, writePolicy } from '../_shared/azure/vault-policies.js';
import { permissionsOf, type VaultState } from '../_shared/azure/vault-state.js';
import { lastPart, sameId } from '../_shared/fleet/arm-id.js';
import { policyRole } from '../_shared/fleet/boundary-policy.js';
import type { History, ObjectHistory } from '../_shared/fleet/history.js';
import { grantMark, grantName } from '../_shared/fleet/marks.js';
import type { BoundaryFact, GrantOrigin, IdentityGrant } from '../_shared/fleet/posture/access-facts.js';
import { knownSince, signInsFor, type SignIn, type UsedGrant } from '../_shared/fleet/sign-ins.js';
import { inOrder } from '../_shared/fleet/wording.js';
import type { Access } from '../_shared/reconcile/access.js';
import type { Read } from '../_shared/reconcile/attempt.js';
import type { AuditedCrossing } from '../_shared/report/audit-report.js';
import type { Candidate } from './identities.js';

/** What grants are looked at with. */
export interface GrantOptions {
  readonly inventories: readonly AccessInventory[];
  /** Absent where no boundary policy was given. */
  readonly judge?: AccessJudge;
  /** Undefined where no ledger was given. */
  readonly history: History | undefined;
  /** Absent where sign-ins are not looked at. */
  readonly signIns?: KnownSignIns;
}

/** The sign-ins of a period. */
export interface KnownSignIns {
  readonly read: Read<readonly SignIn[]>;
  /** The beginning of the period that was asked for, ISO 8601. */
  readonly from: string;
  /** The present, ISO 8601. */
  readonly to: string;
}

/** What a boundary policy says of an access, for rules and for the inventory. */
export interface OnBoundary {
  readonly fact: BoundaryFact;
  readonly crossing?: AuditedCrossing;
}

/** The grants of one identity, and where grants could not be looked for. */
export interface FoundGrants {
  readonly grants: readonly IdentityGrant[];
  readonly crossings: readonly AuditedCrossing[];
  readonly unread: readonly string[];
}

/** Everything that was granted in some subscriptions, by principal, so that each identity finds its own. */
export class GrantIndex {
  readonly #assignments = new Map<string, NamedAssignment[]>();
  readonly #policies = new Map<string, { readonly vault: VaultState; readonly written: string }[]>();
  /** Where grants could not be looked for, and why, in clauses. */
  readonly unread: readonly string[];

  constructor(inventories: readonly AccessInventory[]) {
    const seen = new Set<string>();
    for (const named of inventories.map(namedAssignments)) {
      if ('unread' in named) continue;
      for (const one of named.found) {
        // Assignments above subscriptions show in each of them.
        const id = one.assignment.id.toLowerCase();
        if (!seen.has(id)) this.#add(this.#assignments, one.principalId, one);
        seen.add(id);
      }
    }
    for (const { vaults } of inventories) {
      for (const vault of 'found' in vaults ? vaults.found : []) {
        // Entries count only where no roles do. Entries of a principal that acts through an application let the principal alone do nothing.
        for (const { objectId, permissions } of vault.rbac ? [] : vault.policies.filter(({ applicationId }) => applicationId === undefined)) {
          const written = writePolicy(permissions);
          if (written !== '') this.#add(this.#policies, objectId, { vault, written });
        }
      }
    }
    this.unread = inventories.flatMap(({ subscriptionId, assignments, vaults }) => [
      ...('unread' in assignments ? [`role assignments of subscription ${subscriptionId}: ${assignments.unread}`] : []),
      ...('unread' in vaults ? [`access policies of the vaults of subscription ${subscriptionId}: ${vaults.unread}`] : []),
    ]);
  }

  assignmentsOf(principalId: string): readonly NamedAssignment[] {
    return this.#assignments.get(principalId.toLowerCase()) ?? [];
  }

  policiesOf(principalId: string): readonly { readonly vault: VaultState; readonly written: string }[] {
    return this.#policies.get(principalId.toLowerCase()) ?? [];
  }

  #add<T>(map: Map<string, T[]>, principalId: string, item: T): void {
    const key = principalId.toLowerCase();
    const own = map.get(key);
    if (own === undefined) map.set(key, [item]);
    else own.push(item);
  }
}

/** What one identity was granted, by roles and by access policies of vaults, each with its origin, its boundaries and its last use. */
export async function grantsOf({ state, name }: Candidate, index: GrantIndex, options: GrantOptions): Promise<FoundGrants> {
  const { judge, history, signIns } = options;
  const { principalId } = state;
  const found = [
    ...index.assignmentsOf(principalId).map((one) => ({ grant: ofAssignment(one, state.id, history), role: one.role, roleId: one.assignment.role, dataOnly: one.dataOnly, createdOn: one.assignment.createdOn })),
    ...index.policiesOf(principalId).map((one) => ({ grant: ofPolicy(one, principalId, history), role: policyRole, roleId: undefined, dataOnly: true, createdOn: undefined })),
  ].sort((one, other) => inOrder(one.grant.scope, other.grant.scope) || inOrder(one.grant.role, other.grant.role));
  const judged = await Promise.all(found.map(async ({ grant, role, roleId, dataOnly, createdOn }) => {
    const access: Access = { kind: 'grant', from: resourceEnd(state.id, name), to: resourceEnd(grant.scope), role, ...(roleId === undefined ? {} : { roleId }) };
    const boundary = judge === undefined ? undefined : boundaryFact(await judge.judge(access));
    return { grant: { ...grant, ...(boundary === undefined ? {} : { boundary: boundary.fact }), ...used({ principalId, scope: grant.scope, dataOnly }, createdOn, signIns) }, crossing: boundary?.crossing };
  }));
  return { grants: judged.map(({ grant }) => grant), crossings: judged.flatMap(({ crossing }) => crossing ?? []), unread: index.unread };
}

/** What a boundary policy says of an access, in words and as a crossing of the inventory. */
export function boundaryFact(judged: JudgedAccess): OnBoundary {
  if (judged.verdict === 'unknown') return { fact: { verdict: 'unknown', detail: `${judged.problem.what}: ${judged.problem.because}` } };
  const { access, from, to, verdict } = judged;
  if (judged.verdict === 'within') return { fact: { verdict, detail: `stays within ${from}` } };
  const crosses = `crosses ${from} → ${to}`;
  if (judged.verdict === 'refused') return { fact: { verdict, detail: `${crosses}, and no rule of the boundary policy allows it` }, crossing: { access, from, to, verdict: judged.verdict } };
  const { name: rule, reason, until } = judged.rule;
  const limited = until === undefined ? {} : { until };
  const detail = judged.verdict === 'expired' ? `${crosses}, which rule ${rule} allowed until ${until ?? ''}` : `${crosses}, allowed by ${rule}${until === undefined ? '' : ` until ${until}`}: ${reason.replace(/\.$/, '')}`;
  return { fact: { verdict, detail }, crossing: { access, from, to, verdict: judged.verdict, rule, reason, ...limited } };
}

function ofAssignment({ assignment, role, scope, principalId, danger, roleUnread }: NamedAssignment, identityId: string, history: History | undefined): IdentityGrant {
  const { condition } = assignment;
  const fact = { role, scope, principalId, ...(danger === undefined ? {} : { danger }), ...(roleUnread === undefined ? {} : { roleUnread }) };
  return { ...fact, kind: 'role', ...(condition === undefined ? {} : { condition }), origin: originOf(assignment, identityId, history) };
}

/** A description can be copied to any grant: it counts for the identity that it names. */
function originOf({ id, scope, role, principalId, description }: NamedAssignment['assignment'], identityId: string, history: History | undefined): GrantOrigin {
  const mark = grantMark(description);
  const other = mark?.principal === undefined || sameId(mark.principal, identityId) ? undefined : mark.principal;
  if (mark !== undefined && other === undefined) return { planned: `made for ${mark.workload} by ${mark.run === '' ? 'a run' : mark.run}, as its description says` };
  if (history?.of(id)?.made === true) return { planned: 'a ledger tells of it' };
  if (sameId(lastPart(id), grantName(scope, role, principalId))) return { planned: 'it has the name that this extension gives' };
  if (other !== undefined) return { unplanned: `its description is that of a grant to ${other}` };
  return { unplanned: `it has neither the name nor the description of this extension${history === undefined ? '' : ', and no ledger tells of it'}` };
}

function ofPolicy({ vault, written }: { readonly vault: VaultState; readonly written: string }, principalId: string, history: History | undefined): IdentityGrant {
  return { kind: 'access policy', role: `access policy (${written})`, scope: vault.id, principalId, origin: policyOrigin(history, history?.of(policyObject(vault.id, principalId)), written) };
}

/** An entry is of a run as far as some run left it so: more permissions may have been added to it since. */
function policyOrigin(history: History | undefined, known: ObjectHistory | undefined, written: string): GrantOrigin {
  if (history === undefined) return { untold: 'entries of access policies carry no mark, and no ledger was given' };
  if (known === undefined) return { unplanned: 'no ledger tells of it' };
  const left = known.afters.map(readPolicy);
  const more = beyond(readPolicy(written), permissionsOf((section) => left.flatMap((one) => one[section] ?? [])));
  return more.length === 0 ? { planned: 'a ledger tells of it' } : { unplanned: `a ledger tells of it, but not of ${more.join(', ')}` };
}

/** A log that tells of less than half of the period says nothing of what it does not show, and a grant made within the period had no time to be used. */
function used(grant: UsedGrant, createdOn: string | undefined, signIns: KnownSignIns | undefined): Pick<IdentityGrant, 'lastUsed'> {
  if (signIns === undefined) return {};
  const { read, from, to } = signIns;
  if ('unread' in read) return { lastUsed: read };
  const own = signInsFor(grant, read.found);
  if ('unread' in own) return { lastUsed: own };
  const since = knownSince(read.found) ?? to;
  const at = own.found.map((one) => one.at).sort().at(-1);
  if (at !== undefined) return { lastUsed: { found: { at, since } } };
  if (createdOn !== undefined && Date.parse(createdOn) > Date.parse(from)) return { lastUsed: { found: { since, granted: createdOn } } };
  const [start, end, known] = [from, to, since].map((time) => Date.parse(time));
  const enough = start !== undefined && end !== undefined && known !== undefined && (end - known) * 2 >= end - start;
  return { lastUsed: enough ? { found: { since } } : { unread: `sign-ins are known since ${since} only` } };
}

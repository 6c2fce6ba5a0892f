import type { BoundaryFact, IdentityCredential, IdentityFacts, IdentityGrant } from '../_shared/fleet/posture/access-facts.js';
import { excessOf, inexactnessOf } from '../_shared/fleet/posture/access-rules.js';
import { some } from '../_shared/fleet/wording.js';
import type { AuditedCredential, AuditedGrant, AuditedIdentity } from '../_shared/report/audit-report.js';

/** An identity as the inventory tells it: what is wrong with a credential or grant comes before where it is from. */
export function auditedIdentity({ name, id, clientId, credentials, grants, unread }: IdentityFacts): AuditedIdentity {
  const trusted = 'found' in credentials ? credentials.found : [];
  return {
    name,
    id,
    clientId,
    credentials: trusted.map(auditedCredential),
    ...('unread' in credentials ? { credentialsUnread: credentials.unread } : {}),
    grants: grants.map(auditedGrant),
    ...(unread.length === 0 ? {} : { grantsUnread: some(unread, 3, '; ') }),
  };
}

/** States in which a cluster may act as the identity today. */
const open: readonly IdentityCredential['state'][] = ['ok', 'elsewhere', 'accountUnread'];

function auditedCredential({ name, subject, cluster, state, detail, boundary }: IdentityCredential): AuditedCredential {
  return {
    name,
    subject,
    ...(cluster === undefined ? {} : { cluster }),
    state: crosses(boundary) && open.includes(state) ? 'crossing' : state,
    detail: [...onBoundary(boundary), detail].join('; '),
  };
}

function auditedGrant(grant: IdentityGrant): AuditedGrant {
  const { role, scope, boundary, origin } = grant;
  const broad = excessOf(grant) ?? inexactnessOf(grant);
  const state = crosses(boundary) ? 'crossing' : broad !== undefined ? 'broader' : 'planned' in origin ? 'planned' : 'unplanned' in origin ? 'unplanned' : 'untold';
  const from = 'planned' in origin ? origin.planned : 'unplanned' in origin ? origin.unplanned : origin.untold;
  return { role, scope, state, detail: [...onBoundary(boundary), ...(broad === undefined ? [] : [broad]), from].join('; '), ...lastUse(grant) };
}

function crosses(boundary: BoundaryFact | undefined): boolean {
  return boundary?.verdict === 'refused' || boundary?.verdict === 'expired';
}

function onBoundary(boundary: BoundaryFact | undefined): string[] {
  return boundary === undefined || boundary.verdict === 'within' ? [] : [boundary.detail];
}

function lastUse({ lastUsed }: IdentityGrant): Pick<AuditedGrant, 'lastUsed' | 'unusedSince'> {
  if (lastUsed === undefined || 'unread' in lastUsed) return {};
  const { at, since, granted = since } = lastUsed.found;
  return at === undefined ? { unusedSince: granted } : { lastUsed: at };
}

import type { IdentityFacts, IdentityGrant } from '../_shared/fleet/posture/access-facts.js';
import { excessOf, inexactnessOf } from '../_shared/fleet/posture/access-rules.js';
import type { AuditedGrant, AuditedIdentity } from '../_shared/report/audit-report.js';

/** An identity as the inventory tells it: what is wrong with a grant comes before where it is from. */
export function auditedIdentity({ name, id, clientId, credentials, grants }: IdentityFacts): AuditedIdentity {
  const trusted = 'found' in credentials ? credentials.found : [];
  return {
    name,
    id,
    clientId,
    credentials: trusted.map(({ subject, cluster, state, detail }) => ({ subject, ...(cluster === undefined ? {} : { cluster }), state, detail })),
    grants: grants.map(auditedGrant),
  };
}

function auditedGrant(grant: IdentityGrant): AuditedGrant {
  const { role, scope, lastUsed, boundary, origin } = grant;
  const crosses = boundary?.verdict === 'refused' || boundary?.verdict === 'expired';
  const broad = excessOf(grant) ?? inexactnessOf(grant);
  const state = crosses ? 'crossing' : broad !== undefined ? 'broader' : 'planned' in origin ? 'planned' : 'unplanned' in origin ? 'unplanned' : 'untold';
  const from = 'planned' in origin ? origin.planned : 'unplanned' in origin ? origin.unplanned : origin.untold;
  const told = [...(boundary === undefined || boundary.verdict === 'within' ? [] : [boundary.detail]), ...(broad === undefined ? [] : [broad]), from];
  const at = lastUsed !== undefined && 'found' in lastUsed ? lastUsed.found.at : undefined;
  return { role, scope, state, detail: told.join('; '), ...(at === undefined ? {} : { lastUsed: at }) };
}

import { many, some } from '../wording.js';
import type { IdentityCredential, IdentityFacts, IdentityGrant } from './access-facts.js';
import { excessiveness } from './cluster-roles.js';
import type { CredentialState } from './credential-review.js';
import { fail, judged, known, notApplicable, pass, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { Outcome, RuleText, Verdict } from './rule.js';

/** A rule over one identity: one verdict, or one for each credential or grant that is at fault. */
export interface AccessRule extends RuleText {
  judge(identity: IdentityFacts): Verdicts;
}

/** What the rules over credentials look at. */
type CredentialQuestion = 'cluster' | 'account' | 'case' | 'foreign';

/** What each state means for each question. */
const answers: Readonly<Record<CredentialState, Readonly<Record<CredentialQuestion, Outcome>>>> = {
  ok: { cluster: 'pass', account: 'pass', case: 'pass', foreign: 'pass' },
  elsewhere: { cluster: 'pass', account: 'notApplicable', case: 'notApplicable', foreign: 'pass' },
  accountUnread: { cluster: 'pass', account: 'unknown', case: 'pass', foreign: 'pass' },
  accountGone: { cluster: 'pass', account: 'fail', case: 'notApplicable', foreign: 'pass' },
  caseDiffers: { cluster: 'pass', account: 'notApplicable', case: 'fail', foreign: 'pass' },
  issuerOld: { cluster: 'fail', account: 'notApplicable', case: 'notApplicable', foreign: 'pass' },
  clusterGone: { cluster: 'fail', account: 'notApplicable', case: 'notApplicable', foreign: 'pass' },
  foreign: { cluster: 'notApplicable', account: 'notApplicable', case: 'notApplicable', foreign: 'fail' },
  unclear: { cluster: 'unknown', account: 'notApplicable', case: 'notApplicable', foreign: 'unknown' },
};

function credentialTitle(identity: IdentityFacts, { name }: IdentityCredential): string {
  return `identity ${identity.name}, credential ${name}`;
}

function grantTitle(identity: IdentityFacts, { role, scope }: IdentityGrant): string {
  return `identity ${identity.name}, ${role} on ${scope}`;
}

/** As {@link judged}. What could not be told names the identity: there is one such verdict for each, and nothing else would tell them apart. */
function judgedOf({ name }: IdentityFacts, faults: readonly Verdict[], unread: readonly string[], otherwise: () => Verdict): Verdicts {
  const [first, ...rest] = judged(faults, unread, otherwise);
  return [first.outcome === 'unknown' ? { ...first, object: `identity ${name}` } : first, ...rest];
}

function onCredentials(question: CredentialQuestion, holds: string): (identity: IdentityFacts) => Verdicts {
  return (identity) => {
    const { found, unread } = known(identity.credentials, `who may become identity ${identity.name}`);
    const looks = found.map((credential) => ({ credential, outcome: answers[credential.state][question] }));
    const faults = looks.filter(({ outcome }) => outcome === 'fail').map(({ credential }) => fail(credential.detail, credentialTitle(identity, credential)));
    const open = looks.filter(({ outcome }) => outcome === 'unknown').map(({ credential }) => `credential ${credential.name}: ${credential.detail}`);
    const good = looks.filter(({ outcome }) => outcome === 'pass').length;
    const otherwise = (): Verdict =>
      good > 0 ? pass(`${many(good, 'credential')} of identity ${identity.name}: ${holds}`)
        : notApplicable(found.length === 0 ? `identity ${identity.name} has no federated credential` : `no credential of identity ${identity.name} is one to ask that of`);
    return judgedOf(identity, faults, [...unread, ...open], otherwise);
  };
}

/** What one grant is at fault with; undefined for nothing, `unread` for what could not be told, `skip` where it is not to be asked that. */
type Look = { readonly fault: string } | { readonly unread: string } | 'good' | 'skip';

function onGrants(look: (grant: IdentityGrant) => Look, holds: string): (identity: IdentityFacts) => Verdicts {
  return (identity) => {
    const looks = identity.grants.map((grant) => ({ grant, seen: look(grant) }));
    const faults = looks.flatMap(({ grant, seen }) => (typeof seen === 'object' && 'fault' in seen ? [fail(seen.fault, grantTitle(identity, grant))] : []));
    const open = looks.flatMap(({ grant, seen }) => (typeof seen === 'object' && 'unread' in seen ? [`${grant.role} on ${grant.scope}: ${seen.unread}`] : []));
    const good = looks.filter(({ seen }) => seen === 'good').length;
    const otherwise = (): Verdict =>
      good > 0 ? pass(`${many(good, 'grant')} of identity ${identity.name}: ${holds}`)
        : notApplicable(identity.grants.length === 0 ? `identity ${identity.name} has no grant that can be seen` : `no grant of identity ${identity.name} is one to ask that of`);
    return judgedOf(identity, faults, [...identity.unread, ...open], otherwise);
  };
}

/** A scope that is no single resource: everything in it is reached, also what will be made there. */
const wideScope = /^(?:\/|\/providers\/Microsoft\.Management\/managementGroups\/[^/]+|\/subscriptions\/[^/]+(?:\/resourceGroups\/[^/]+)?)$/i;

/** Why a grant is more than a workload can need; undefined for one that is not. What could not be read of its role is for the rule to say. */
export function excessOf(grant: IdentityGrant): string | undefined {
  return excessiveness(grant) ?? (wideScope.test(grant.scope) ? 'it reaches everything in that scope, also what will be made there' : undefined);
}

/** Roles of Key Vault's data plane that can be granted on a single item. Source: Key Vault docs, rbac-guide. */
const vaultItemRole = /^Key Vault (?:Secrets|Certificate|Crypto) (?:User|Officer)$|^Key Vault Certificates Officer$/i;
const wholeVault = /\/providers\/Microsoft\.KeyVault\/vaults\/[^/]+$/i;
/** Roles whose reach a condition limits to repositories. Source: ACR docs, container-registry-rbac-abac-repository-permissions. */
const repositoryRole = /^Container Registry Repository (?:Reader|Writer|Contributor)$/i;
const wholeRegistry = /\/providers\/Microsoft\.ContainerRegistry\/registries\/[^/]+$/i;

/** Why a grant reaches more things of its target than it has to; undefined for one that does not. */
export function inexactnessOf({ kind, role, scope, condition }: IdentityGrant): string | undefined {
  if (kind === 'access policy') return 'an access policy reaches the whole vault: roles reach single secrets, once the vault uses them';
  if (vaultItemRole.test(role) && wholeVault.test(scope)) return 'it reaches everything of its kind in the vault, and can be granted on single items';
  if (repositoryRole.test(role) && wholeRegistry.test(scope) && condition === undefined) return 'without a condition it reaches every repository of the registry';
  return undefined;
}

function exactness(grant: IdentityGrant): Look {
  const because = inexactnessOf(grant);
  if (because !== undefined) return { fault: because };
  if (excessOf(grant) !== undefined) return 'skip';
  // Whether a role could be granted on less is told by its name.
  const whole = wholeVault.test(grant.scope) || wholeRegistry.test(grant.scope);
  return whole && grant.roleUnread !== undefined ? roleUnread(grant.roleUnread) : 'good';
}

function excess(grant: IdentityGrant): Look {
  const because = excessOf(grant);
  if (because !== undefined) return { fault: because };
  return grant.roleUnread === undefined ? 'good' : roleUnread(grant.roleUnread);
}

function roleUnread(because: string): Look {
  return { unread: `what the role allows could not be read: ${because}` };
}

function origin({ origin: found }: IdentityGrant): Look {
  if ('planned' in found) return 'good';
  return 'unplanned' in found ? { fault: found.unplanned } : { unread: found.untold };
}

function use({ lastUsed }: IdentityGrant): Look {
  if (lastUsed === undefined) return 'skip';
  if ('unread' in lastUsed) return { unread: lastUsed.unread };
  const { at, since, granted } = lastUsed.found;
  if (at === undefined && granted !== undefined) return 'skip';
  return at === undefined ? { fault: `no sign-in since ${since} can have been a use of it` } : 'good';
}

/** Every crossing that is there, of credentials and grants. */
function boundaries(identity: IdentityFacts): Verdicts {
  const credentials = known(identity.credentials, `who may become identity ${identity.name}`);
  const looks = [
    ...credentials.found.map((one) => ({ title: credentialTitle(identity, one), boundary: one.boundary })),
    ...identity.grants.map((one) => ({ title: grantTitle(identity, one), boundary: one.boundary })),
  ].flatMap(({ title, boundary }) => (boundary === undefined ? [] : [{ title, ...boundary }]));
  if (looks.length === 0) return judgedOf(identity, [], [...credentials.unread, ...identity.unread], () => notApplicable(`no boundary policy was given, or identity ${identity.name} has no access that it could be about`));
  const faults = looks.filter(({ verdict }) => verdict === 'refused' || verdict === 'expired').map(({ title, detail }) => fail(detail, title));
  const open = looks.filter(({ verdict }) => verdict === 'unknown').map(({ title, detail }) => `${title}: ${detail}`);
  const allowed = looks.filter(({ verdict }) => verdict === 'allowed').map(({ detail }) => detail);
  return judgedOf(identity, faults, [...credentials.unread, ...identity.unread, ...open], () => pass(`identity ${identity.name}: ${allowed.length === 0 ? 'nothing crosses a boundary' : some(allowed, 3, '; ')}`));
}

const credentialRemedy = 'Run FederateServiceAccount with prune: true, which removes what has lost its counterpart, or az identity federated-credential delete';

/** Every rule over an identity, in the order of reports. */
export const accessRules: readonly AccessRule[] = [
  {
    id: 'access-issuer-known',
    title: 'Only clusters of the company can become the identity',
    severity: 'high',
    source: [section('auth', 'Identity'), section('architecture', 'Security Considerations')],
    remedy: 'Find out who made the credential and what for; remove it (az identity federated-credential delete), or except it with the reason. Where its cluster lies in a subscription that was not looked at, name that in subscriptions',
    dependants: ['access-credential-account', 'access-credential-case', 'access-credential-cluster'],
    judge: onCredentials('foreign', 'each is of a cluster that is seen, or of one that is gone'),
  },
  {
    id: 'access-credential-cluster',
    title: 'Every federated credential names a cluster that is there, by its present issuer',
    severity: 'medium',
    source: [section('architecture', 'Security Considerations'), section('enterpriseScale', 'Design recommendations for workload identities')],
    remedy: `${credentialRemedy}; where the cluster has another issuer now, run FederateServiceAccount for it with adopt: true`,
    dependants: ['access-credential-account', 'access-credential-case'],
    judge: onCredentials('cluster', 'the clusters are there with these issuers'),
  },
  {
    id: 'access-credential-account',
    title: 'Every federated credential names a service account that is there',
    severity: 'medium',
    source: [section('auth', 'Identity'), section('enterpriseScale', 'Design recommendations for workload identities')],
    remedy: `${credentialRemedy}; where the service account is to come back, FederateServiceAccount makes it`,
    dependants: ['access-credential-case'],
    judge: onCredentials('account', 'the service accounts are there'),
  },
  {
    id: 'access-credential-case',
    title: 'Every federated credential names its service account letter for letter',
    severity: 'medium',
    source: [section('architecture', 'Security Considerations')],
    remedy: 'Run FederateServiceAccount for the service account with adopt: true, which corrects the subject',
    dependants: ['access-credential-account'],
    judge: onCredentials('case', 'the subjects are as tokens say them'),
  },
  {
    id: 'access-grant-least',
    title: 'The identity has no role that is more than a workload can need',
    severity: 'high',
    source: [section('enterpriseScale', 'Design recommendations for workload identities'), section('architecture', 'Security Considerations'), section('crossGroups', 'Potential Concerns')],
    remedy: 'Grant what the workload calls on the resource itself (FederateServiceAccount, GrantRegistryRole), then az role assignment delete --assignee <object id of the identity> --role <role> --scope <scope>',
    dependants: ['access-grant-exact'],
    judge: onGrants(excess, 'none is more than a workload can need'),
  },
  {
    id: 'access-grant-exact',
    title: 'The identity reaches the secrets and repositories that it needs, and not all of them',
    severity: 'medium',
    source: [section('architecture', 'Security Considerations'), section('sop', 'Secrets')],
    remedy: 'Name the secrets or repositories (secrets of FederateServiceAccount, repositories of GrantRegistryRole), then remove the wider grant',
    dependants: [],
    judge: onGrants(exactness, 'each names what it reaches'),
  },
  {
    id: 'access-grant-planned',
    title: 'What the identity may do was granted by a run of this extension',
    severity: 'medium',
    source: [section('crossGroups', 'Potential Concerns'), section('auth', 'Identity')],
    remedy: 'Find out who granted it; remove it (az role assignment delete, az keyvault delete-policy), or grant it by a run and remove the other one',
    dependants: [],
    judge: onGrants(origin, 'each was granted by a run'),
  },
  {
    id: 'access-boundaries',
    title: 'Nothing crosses the boundaries of environments but what the boundary policy allows today',
    severity: 'high',
    source: [section('crossGroups', 'Potential Concerns'), section('architecture', 'Security Considerations')],
    remedy: 'Take back what crosses (state: absent), or let the owners of the boundary policy allow it for a time and with a reason',
    dependants: [],
    judge: boundaries,
  },
  {
    id: 'access-grant-used',
    title: 'What the identity may do was used of late',
    severity: 'low',
    source: [section('crossGroups', 'Potential Concerns'), section('enterpriseScale', 'Design recommendations for workload identities')],
    remedy: 'Ask the owner of the workload whether it is still needed; else take it back (state: absent)',
    dependants: [],
    judge: onGrants(use, 'a sign-in was seen that may have been a use of each'),
  },
];

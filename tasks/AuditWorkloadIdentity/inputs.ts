import type { Agent } from '../_shared/agent/agent.js';
import { originOf, readOptionalPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import { readTextFile } from '../_shared/agent/input-files.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import { readLogWorkspace } from '../_shared/agent/log-workspace-inputs.js';
import { readHistory } from '../_shared/agent/removal-inputs.js';
import { readRunInputs, type RunInputs } from '../_shared/agent/shared-inputs.js';
import type { RequestOidcToken } from '../_shared/agent/service-connection.js';
import { namedResource } from '../_shared/agent/workload-inputs.js';
import type { LogPlace } from '../_shared/azure/log-analytics.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import { isGuid, guidPattern } from '../_shared/fleet/guid.js';
import type { History } from '../_shared/fleet/history.js';
import type { PolicyOrigin } from '../_shared/fleet/policy-origin.js';
import { baseProfiles, builtInProfile, parseAuditProfile, profileProblem, type AuditProfile } from '../_shared/fleet/posture/profile.js';
import type { EdgeRules } from '../_shared/fleet/posture/rule.js';
import { failThresholds, type FailOn } from '../_shared/report/audit-report.js';
import { allRules } from './rules.js';

/** What is audited, and by which measure. */
export interface AuditInputs {
  readonly shared: RunInputs;
  /** Names of namespaces, or beginnings with an asterisk after them. */
  readonly namespaces: readonly string[];
  /** Exactly these identities; empty: those of the subscriptions. */
  readonly identities: readonly ArmId[];
  /** GUIDs of the subscriptions that are looked into besides those of the clusters and identities. */
  readonly subscriptions: readonly string[];
  readonly profile: AuditProfile;
  /** The file of the profile; absent for a built-in one. */
  readonly profileFile?: PolicyOrigin;
  readonly failOn: FailOn;
  readonly edge: EdgeRules;
  readonly policy: GivenPolicy;
  /** What runs wrote; undefined where no ledger was given. */
  readonly history: History | undefined;
  /** Where sign-ins are looked for; undefined for nowhere. */
  readonly signIns: LogPlace | undefined;
  readonly unusedAfterDays: number;
  /** Where the reports are left; undefined for a folder of the agent's. */
  readonly folder: string | undefined;
}

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const namespaceName = new RegExp(`^(?:\\*|${label}|[a-z0-9][-a-z0-9]{0,62}\\*)$`);
const service = new RegExp(`^${label}/${label}$`);
const ingressClass = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Reads the inputs of AuditWorkloadIdentity. Mistakes are noted in the reader. */
export function readInputs(inputs: InputReader, agent: Agent, requestToken: RequestOidcToken): AuditInputs {
  const shared = readRunInputs(inputs, agent, requestToken);
  const namespaces = inputs.namesIn('namespaces', namespaceName, 'names of namespaces, or beginnings with an asterisk after them, such as orders-*; * alone for all');
  const subscriptions = inputs.namesIn('subscriptions', new RegExp(`^${guidPattern}$`, 'i'), 'ids of subscriptions, GUIDs');
  const { profile, origin } = readProfile(inputs);
  return Object.freeze({
    shared,
    namespaces: namespaces.length === 0 ? ['*'] : namespaces,
    identities: readIdentities(inputs, shared.connection.subscriptionId),
    subscriptions: subscriptions.filter(isGuid),
    profile,
    ...(origin === undefined ? {} : { profileFile: origin }),
    failOn: inputs.choice('failOn', failThresholds, 'high'),
    edge: {
      wafClasses: inputs.namesIn('wafClasses', ingressClass, 'names of ingress classes'),
      clusterOnly: inputs.namesIn('clusterOnlyServices', service, 'services as namespace/name'),
    },
    policy: readOptionalPolicy(inputs),
    history: readHistory(inputs),
    signIns: readLogWorkspace(inputs, shared.connection),
    unusedAfterDays: inputs.integer('unusedAfterDays', { min: 1, max: 730, fallback: 90 }),
    folder: readFolder(inputs),
  });
}

function readFolder(inputs: InputReader): string | undefined {
  const given = inputs.optionalText('reportFolder');
  return given === undefined ? undefined : inputs.pathOf(given);
}

function readIdentities(inputs: InputReader, subscriptionId: string | undefined): ArmId[] {
  const found = inputs.lines('identities').flatMap((given) => namedResource(inputs, 'identities', given, 'Microsoft.ManagedIdentity/userAssignedIdentities', subscriptionId) ?? []);
  inputs.checkedNames('identities', found.map(({ id }) => id), /^/, '');
  return found;
}

/** A profile that is always there by its name, any other from its file. */
function readProfile(inputs: InputReader): { readonly profile: AuditProfile; readonly origin?: PolicyOrigin } {
  const given = inputs.optionalText('profile') ?? 'prod';
  const base = baseProfiles.find((name) => name === given.toLowerCase());
  const standIn = builtInProfile(base ?? 'prod', allRules);
  if (base !== undefined) return { profile: standIn };
  const file = inputs.located(given);
  const read = readTextFile(file);
  if ('flaw' in read) {
    inputs.unusable('profile', given, { ...read.flaw, remedy: `${read.flaw.remedy}; or ${baseProfiles.join(' or ')}, which need no file` });
    return { profile: standIn };
  }
  const parsed = parseAuditProfile(read.text, given, allRules);
  if ('profile' in parsed) return { profile: parsed.profile, origin: originOf(given, file, read.bytes) };
  for (const mistake of parsed.mistakes) inputs.note(profileProblem(mistake));
  return { profile: standIn };
}

import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/shared-inputs.js';
import { readProveFrom, readResource, readRing, type ProveFrom } from '../_shared/agent/workload-inputs.js';
import type { FeatureRules } from '../_shared/azure/cluster-features.js';
import { podIdentity, policyAddOn, secretsProvider, type FeatureSwitch } from '../_shared/azure/feature-switches.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';

/** What the task is asked to make true. */
export interface EnableInputs extends FeatureRules {
  readonly proveFrom: ProveFrom;
  /** Workspace that the audit logs go to; absent when nothing is asked of them. */
  readonly auditWorkspace?: ArmId;
}

/** Rings in which the OIDC issuer is switched on only when somebody confirms it. */
const productionRings = 'prd, prod, production';

/** Reads the inputs that EnableWorkloadIdentity has besides the shared ones. */
export function readInputs(inputs: InputReader, { connection }: Pick<SharedInputs, 'connection'>): EnableInputs {
  const minimumKubernetesVersion = inputs.optionalText('minimumKubernetesVersion') ?? '1.27';
  if (!/^\d+\.\d+(\.\d+)?$/.test(minimumKubernetesVersion)) {
    inputs.refuse('minimumKubernetesVersion', minimumKubernetesVersion, 'a version such as 1.27 or 1.27.3');
  }
  const minutes = inputs.integer('timeoutInMinutes', { min: 1, max: 240, fallback: 30 });
  const auditWorkspace = readResource(inputs, 'auditWorkspace', 'Microsoft.OperationalInsights/workspaces', connection.subscriptionId);
  const unconfirmedRing = readUnconfirmedRing(inputs);
  return {
    minimumKubernetesVersion,
    deadlineMs: minutes * 60_000,
    more: readSwitches(inputs),
    proveFrom: readProveFrom(inputs),
    ...(unconfirmedRing === undefined ? {} : { unconfirmedRing }),
    ...(auditWorkspace === undefined ? {} : { auditWorkspace }),
  };
}

/** The ring, where switching the issuer on takes a confirmation that was not given. */
function readUnconfirmedRing(inputs: InputReader): string | undefined {
  const ring = readRing(inputs);
  const given = inputs.optionalText('productionRings') ?? productionRings;
  const production = given.split(',').map((name) => name.trim().toLowerCase());
  if (production.some((name) => !/^[-\w]+$/.test(name))) inputs.refuse('productionRings', given, `names of rings, separated by commas, such as ${productionRings}`);
  const confirmed = inputs.boolean('confirmIssuer');
  return ring !== undefined && !confirmed && production.includes(ring.toLowerCase()) ? ring : undefined;
}

function readSwitches(inputs: InputReader): FeatureSwitch[] {
  const interval = inputs.optionalText('secretRotationInterval');
  const csi = inputs.boolean('keyVaultSecretsProvider');
  if (interval !== undefined && !/^[1-9]\d*[smh]$/.test(interval)) inputs.refuse('secretRotationInterval', interval, 'a time such as 30s, 2m or 1h');
  if (interval !== undefined && !csi) {
    inputs.contradiction('secretRotationInterval', `is "${interval}"`, 'keyVaultSecretsProvider is false, so that nothing rotates', 'set keyVaultSecretsProvider to true, or leave the interval out');
  }
  return [
    ...(csi ? [secretsProvider(interval)] : []),
    ...(inputs.boolean('azurePolicyAddOn') ? [policyAddOn] : []),
    ...(inputs.boolean('removePodIdentity') ? [podIdentity] : []),
  ];
}

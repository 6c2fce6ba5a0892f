import { keyIn, object, text, type Json } from '../fleet/json.js';

/** One feature of a cluster as ARM stores it: what it is, what it shall be, and the one change that makes it so. */
export interface FeatureSwitch {
  /** As plans call it. */
  readonly field: string;
  /** What it shall be, in words. */
  readonly wanted: string;
  /** What switching it costs, for whoever approves the plan; absent where it costs nothing. */
  readonly cost?: string;
  /** What it is, in the same words. */
  now(properties: Json): string;
  /** The cluster's properties with this feature as it shall be, and everything else as it was. */
  change(properties: Json): Json;
}

/** Source of the path: npm @azure/arm-containerservice 25.x. */
export const oidcIssuer: FeatureSwitch = {
  field: 'OIDC issuer',
  wanted: 'on',
  // Source: AKS docs, use-oidc-issuer.
  cost: 'restarts the API server, cannot be undone',
  now: ({ oidcIssuerProfile }) => onOff(object(oidcIssuerProfile).enabled),
  change: (properties) => ({ ...properties, oidcIssuerProfile: { ...object(properties.oidcIssuerProfile), enabled: true } }),
};

/** Source of the path: npm @azure/arm-containerservice 25.x. */
export const workloadIdentity: FeatureSwitch = {
  field: 'workload identity',
  wanted: 'on',
  now: ({ securityProfile }) => onOff(object(object(securityProfile).workloadIdentity).enabled),
  change: (properties) => {
    const security = object(properties.securityProfile);
    return { ...properties, securityProfile: { ...security, workloadIdentity: { ...object(security.workloadIdentity), enabled: true } } };
  },
};

const secretsProviderName = 'azureKeyvaultSecretsProvider';

/** Whether a cluster has the add-on that mounts secrets of key vaults. */
export function hasSecretsProvider({ raw }: { readonly raw: Json }): boolean {
  return addOn(object(raw.properties), secretsProviderName).enabled === true;
}

/**
 * The add-on that mounts secrets of key vaults, with rotation. Source: AKS docs, csi-secrets-store-driver and its configuration options (values are
 * strings; the default interval is 2 minutes).
 * @param interval how often rotation looks, `5m`; as it is, or AKS's default, when absent
 */
export function secretsProvider(interval: string | undefined): FeatureSwitch {
  const rotating = (every: string): string => `on, rotation every ${every}`;
  const every = (config: Json): string => text(config.rotationPollInterval) ?? '2m';
  return {
    field: 'Key Vault secrets provider',
    wanted: interval === undefined ? 'on, with rotation' : rotating(interval),
    now: (properties) => {
      const { enabled, config } = addOn(properties, secretsProviderName);
      if (enabled !== true) return 'off';
      if (text(object(config).enableSecretRotation)?.toLowerCase() !== 'true') return 'on, without rotation';
      return interval === undefined ? 'on, with rotation' : rotating(every(object(config)));
    },
    change: (properties) => {
      const { config } = addOn(properties, secretsProviderName);
      const rotation = { enableSecretRotation: 'true', ...(interval === undefined ? {} : { rotationPollInterval: interval }) };
      return withAddOn(properties, secretsProviderName, { enabled: true, config: { ...object(config), ...rotation } });
    },
  };
}

/** The add-on by which Azure Policy governs what is in the cluster. Source: azure-docs, policy for Kubernetes. */
export const policyAddOn: FeatureSwitch = {
  field: 'Azure Policy add-on',
  wanted: 'on',
  now: (properties) => onOff(addOn(properties, 'azurepolicy').enabled),
  change: (properties) => withAddOn(properties, 'azurepolicy', { enabled: true }),
};

/** The retired add-on for pod-managed identities. Source: AKS docs, use-azure-ad-pod-identity (support ended in September 2025). */
export const podIdentity: FeatureSwitch = {
  field: 'pod-managed identity',
  wanted: 'off',
  now: ({ podIdentityProfile }) => onOff(object(podIdentityProfile).enabled),
  change: (properties) => ({ ...properties, podIdentityProfile: { ...object(properties.podIdentityProfile), enabled: false } }),
};

function onOff(enabled: unknown): string {
  return enabled === true ? 'on' : 'off';
}

/** An add-on, however its name is spelled: clusters of different ages spell some differently. */
function addOn(properties: Json, name: string): Json {
  const profiles = object(properties.addonProfiles);
  return object(profiles[keyIn(profiles, name) ?? name]);
}

function withAddOn(properties: Json, name: string, values: Json): Json {
  const profiles = object(properties.addonProfiles);
  const spelled = keyIn(profiles, name) ?? name;
  return { ...properties, addonProfiles: { ...profiles, [spelled]: { ...object(profiles[spelled]), ...values } } };
}

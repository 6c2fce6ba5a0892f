import { object, text } from '../json.js';
import { shown } from '../shown.js';
import { compareVersions } from '../versions.js';
import { addOn, addOnState, anyCase, holds, properties, seen, verdict, word } from './cluster-values.js';
import { procedures } from './procedures.js';
import type { ClusterRule } from './rule.js';

const { architecture, authnAuthz, auth, enterpriseScale, migration, sop } = procedures;

/** The oldest version of Kubernetes that the procedures allow. Source: ACR Workload Identity Migration Plan, Action Items. */
export const oldestVersion = '1.27';

/** Wire names of this file: npm @azure/arm-containerservice 25.5.0. */
const oidcIssuer: ClusterRule = {
  id: 'cluster-oidc-issuer',
  title: 'The cluster publishes an OIDC issuer that Entra can trust',
  severity: 'medium',
  source: [`${architecture}, Architecture Components`, `${migration}, Phase 1: Enable AKS Workload Identity (Infrastructure)`],
  remedy: 'run EnableWorkloadIdentity with the cluster among its `clusters` (az aks update -g <group> -n <cluster> --enable-oidc-issuer); it restarts the API server and cannot be undone',
  dependants: [],
  mendedBy: 'clusters',
  judge: ({ raw }) => {
    const { enabled, issuerURL } = object(properties(raw).oidcIssuerProfile);
    const flag = seen('oidcIssuerProfile.enabled', enabled);
    return enabled === true ? verdict('pass', `${flag}, ${seen('issuerURL', issuerURL)}`) : verdict('fail', flag);
  },
};

const workloadIdentity: ClusterRule = {
  id: 'cluster-workload-identity',
  title: 'Workload identity is enabled: labelled pods get tokens that Entra exchanges',
  severity: 'medium',
  source: [`${authnAuthz}, Workload Identity`, `${sop}, Cluster`, `${sop}, Identity`, `${auth}, Cluster`],
  remedy: 'run EnableWorkloadIdentity with the cluster among its `clusters` (az aks update -g <group> -n <cluster> --enable-workload-identity)',
  dependants: [],
  mendedBy: 'clusters',
  judge: ({ raw }) => {
    const { enabled } = object(object(properties(raw).securityProfile).workloadIdentity);
    return holds(enabled === true, seen('securityProfile.workloadIdentity.enabled', enabled));
  },
};

/** Support of the add-on ended in September 2025. Source: AKS docs, use-azure-ad-pod-identity. */
const podIdentity: ClusterRule = {
  id: 'cluster-pod-identity',
  title: 'The retired pod-identity add-on is off',
  severity: 'high',
  source: [`${authnAuthz}, Workload Identity`, `${auth}, Cluster`, `${auth}, Identity`],
  remedy: 'move its workloads to workload identity, then run EnableWorkloadIdentity with `removePodIdentity: true` (az aks update -g <group> -n <cluster> --disable-pod-identity)',
  dependants: [],
  mendedBy: 'removePodIdentity',
  judge: ({ raw }) => {
    const { enabled } = object(properties(raw).podIdentityProfile);
    return holds(enabled !== true, seen('podIdentityProfile.enabled', enabled));
  },
};

const provider = 'azureKeyvaultSecretsProvider';

/** Values of an add-on's `config` are texts. Source: AKS docs, csi-secrets-store-configuration-options. */
const keyVaultCsi: ClusterRule = {
  id: 'cluster-key-vault-csi',
  title: 'The Key Vault provider for the Secrets Store CSI driver is on and rotates what it mounts',
  severity: 'medium',
  source: [`${authnAuthz}, Secrets`, `${sop}, Secrets`, `${auth}, Secrets`, `${enterpriseScale}, Design recommendations for workload identities`],
  remedy: 'run EnableWorkloadIdentity with `keyVaultSecretsProvider: true` (az aks enable-addons -g <group> -n <cluster> --addons azure-keyvault-secrets-provider --enable-secret-rotation)',
  dependants: [],
  mendedBy: 'keyVaultSecretsProvider',
  judge: ({ raw }) => {
    const { enabled, config } = addOn(raw, provider);
    const rotation = anyCase(config, 'enableSecretRotation');
    if (enabled !== true) return verdict('fail', addOnState(raw, provider));
    return holds(rotation === true || word(rotation) === 'true', `${addOnState(raw, provider)}, ${seen('enableSecretRotation', rotation)}`);
  },
};

const kubernetesVersion: ClusterRule = {
  id: 'cluster-kubernetes-version',
  title: `The cluster runs Kubernetes ${oldestVersion} or newer`,
  severity: 'high',
  source: [`${migration}, Action Items`],
  remedy: 'az aks upgrade -g <group> -n <cluster> --kubernetes-version <version>, one minor version after the other',
  dependants: [],
  judge: ({ raw }) => {
    const { currentKubernetesVersion, kubernetesVersion: asked } = properties(raw);
    const version = text(currentKubernetesVersion) ?? text(asked);
    if (version === undefined || !/^v?\d/.test(version)) return verdict('unknown', `the cluster does not say which version it runs: ${seen('currentKubernetesVersion', version)}`);
    return holds(compareVersions(version, oldestVersion) >= 0, `Kubernetes ${shown(version)}`);
  },
};

/** What workloads without secrets need of a cluster. */
export const workloadRules: readonly ClusterRule[] = [oidcIssuer, workloadIdentity, podIdentity, keyVaultCsi, kubernetesVersion];

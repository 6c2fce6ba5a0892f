import type { InputReader } from '../_shared/agent/inputs.js';
import type { OtherConnections, SharedInputs } from '../_shared/agent/shared-inputs.js';
import { readSecrets, type SecretsWanted } from '../_shared/agent/vault-inputs.js';
import type { ServiceConnection } from '../_shared/azure/connection.js';
import { providerCloud } from '../_shared/azure/secrets-provider.js';
import { itemOf } from '../_shared/azure/vault-items.js';
import { placeLabel, type WorkloadInputs } from '../_shared/fleet/workload.js';
import type { IdentityMode } from '../_shared/kubernetes/chart.js';
import type { ProofInputs } from './proof-inputs.js';

/** What containers get from key vaults. */
export interface VaultInputs {
  /** By the label of the workload's place: one for each cluster. */
  readonly secrets: ReadonlyMap<string, SecretsWanted>;
  /** Where the files are mounted, by container. */
  readonly paths: Readonly<Record<string, string>>;
  /** Secret in the cluster that is kept equal to the files; absent: none. */
  readonly syncSecret?: string;
  /** The cloud as the driver's provider calls it. */
  readonly cloud: string;
  /** The service connection that reads the vaults; absent: the run's own. */
  readonly connection?: ServiceConnection;
}

/** Names of single items; every secret of a vault cannot be mounted, since each becomes a file that is named beforehand. */
const mounted = {
  pattern: /^(?:cert:|key:)?[0-9A-Za-z-]{1,127}$/i,
  form: 'names of secrets, cert:name or key:name, each of which becomes a file, and no *; a name is letters, digits and hyphens, at most 127',
  idle: 'nothing would be mounted from it',
  remedy: 'name the secrets that the containers get',
};

/** Names of containers and paths in them. Source: Kubernetes API reference, Container and VolumeMount. */
const mount = /^(?<container>[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\s*:\s*(?<path>\/[^\s:,]+)$/;
const mountForm = 'lines such as "api: /mnt/secrets": the name of a container, a colon, and an absolute path without : and ..';
/** Names of Secrets. Source: Kubernetes docs, object names (RFC 1123 subdomains). */
const secretName = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
/** Where others mount something into every pod with an identity. Sources: Kubernetes docs, service accounts; azure-workload-identity pkg/webhook. */
const reserved = ['/var/run/secrets/kubernetes.io/serviceaccount', '/var/run/secrets/azure/tokens'];
/** What says nothing without a container that gets it. */
const companions = ['syncSecret', 'vaultConnection'];
/** What says nothing without a container, or a pod of a proof, that gets it. */
const sources = ['keyVault', 'secrets'];

/** What else tells what secrets are for. */
export interface VaultPurpose extends Pick<ProofInputs, 'proveFrom'> {
  readonly mode: IdentityMode;
}

/** Reads what containers get from key vaults; nothing when no container is named. The cluster list names vaults and secrets for other tasks too. */
export function readVault(inputs: InputReader, shared: SharedInputs, workload: WorkloadInputs, { mode, proveFrom }: VaultPurpose, connections: OtherConnections): { readonly vault?: VaultInputs } {
  const lines = inputs.lines('secretMounts');
  if (lines.length === 0) {
    const idle = [...(proveFrom === 'pod' ? [] : sources), ...companions];
    const given = idle.find((name) => inputs.optionalText(name) !== undefined);
    for (const name of idle) inputs.optionalText(name);
    if (given !== undefined && inputs.sound('secretMounts')) inputs.contradiction('secretMounts', 'is empty', `input ${given} is given, and nothing says which container gets secrets of the vault`, `name containers and paths, as in "api: /mnt/secrets", or leave ${given} empty`);
    return {};
  }
  if (mode === 'verify') inputs.contradiction('secretMounts', 'is given', 'input identityMode is verify, so that nothing is put into the chart', 'let the chart mount them, or set identityMode to inject');
  const connection = connections('vaultConnection');
  const secrets = readSecrets(inputs, shared, workload, (connection ?? shared.connection).subscriptionId, mounted);
  checkSecrets(inputs, shared, workload, secrets);
  return {
    vault: {
      secrets,
      paths: readPaths(inputs, lines),
      cloud: readCloud(inputs, shared.connection),
      ...readSyncSecret(inputs),
      ...(connection === undefined ? {} : { connection }),
    },
  };
}

function readPaths(inputs: InputReader, lines: readonly string[]): Readonly<Record<string, string>> {
  const entries = lines.flatMap((line): [string, string][] => {
    const { container, path } = mount.exec(line)?.groups ?? {};
    const place = path?.replace(/\/+$/, '') ?? '';
    if (container === undefined || place === '' || place.split('/').slice(1).some((part) => ['', '.', '..'].includes(part))) {
      inputs.refuse('secretMounts', line, mountForm);
      return [];
    }
    const other = reserved.find((taken) => `${taken}/`.startsWith(`${place}/`) || place.startsWith(`${taken}/`));
    if (other !== undefined) inputs.refuse('secretMounts', line, `a path apart from ${other}, where the pod’s own tokens are mounted`);
    return [[container, place]];
  });
  inputs.checkedNames('secretMounts', entries.map(([container]) => container), /^/, mountForm);
  return Object.fromEntries(entries);
}

function readSyncSecret(inputs: InputReader): { readonly syncSecret?: string } {
  const syncSecret = inputs.optionalText('syncSecret');
  if (syncSecret === undefined) return {};
  if (!secretName.test(syncSecret)) inputs.refuse('syncSecret', syncSecret, 'the name of a Secret: lower-case letters, digits, hyphens and dots, at most 253');
  return { syncSecret };
}

function readCloud(inputs: InputReader, { cloud }: ServiceConnection): string {
  const name = providerCloud(cloud);
  if (name === undefined) inputs.contradiction('secretMounts', 'is given', `the service connection is of cloud ${cloud.name}, which the Secrets Store CSI driver does not know by itself`, 'let the chart mount the secrets there, with the file of endpoints that the provider’s docs describe');
  return name ?? '';
}

/** Each cluster has to have secrets, and each secret a file of its own. */
function checkSecrets(inputs: InputReader, { clusters }: SharedInputs, workload: WorkloadInputs, secrets: ReadonlyMap<string, SecretsWanted>): void {
  if (!inputs.sound('secrets', 'keyVault', 'secretMounts')) return;
  const bare = clusters.find((entry) => workload.accounts.some((account) => !secrets.has(placeLabel(workload, entry, account))));
  if (bare !== undefined) inputs.contradiction('secrets', 'is empty', `input secretMounts names containers, and nothing says which secrets they get on ${bare.label}`, 'name the secrets and their vault, here or in the entry of each cluster');
  for (const { names } of secrets.values()) {
    const files = names.map((name) => itemOf(name).name?.toLowerCase() ?? '');
    const twice = files.find((file, index) => files.indexOf(file) !== index);
    if (twice === undefined) continue;
    inputs.contradiction('secrets', `names ${twice} as more than one thing`, 'both would be the file of that name', 'name one of them; the secret of a certificate has the certificate and its key');
    return;
  }
}

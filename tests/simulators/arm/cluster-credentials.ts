import { stringify } from 'yaml';
import { isRecord, type SimResponse } from '../kernel/service.js';
import type { ClusterRecord } from './cluster-record.js';
import type { Unconfirmed } from './cluster-refusals.js';
import { flat, notHere } from './refusals.js';

/** Server and client application of AKS. Source: AKS docs, kubelogin-authentication. */
const serverApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';
const clientApplication = '80faf920-1908-4b52-b5ef-a8e7bedfc67a';

/** With Entra the user is an exec plugin; without, the user credential is the admin credential. Source: AKS docs, control-kubeconfig-access. */
export function userCredential(record: ClusterRecord, format: string | null): SimResponse {
  if (format !== null && format !== 'exec') return format === 'azure' ? notHere("the kubeconfig format 'azure'") : flat(400, 'BadRequest', `The kubeconfig format '${format}' is not known.`);
  const { aadProfile } = record.resource.properties;
  if (!isRecord(aadProfile) || aadProfile.managed !== true) return answer('clusterUser', record, { token: record.adminToken });
  const args = ['get-token', '--environment', 'AzurePublicCloud', '--server-id', serverApplication, '--client-id', clientApplication, '--tenant-id', String(aadProfile.tenantID)];
  return answer('clusterUser', record, { exec: { apiVersion: 'client.authentication.k8s.io/v1beta1', command: 'kubelogin', args, env: null, provideClusterInfo: false } });
}

/** Source: AKS docs, local-accounts; status and code are knobs. */
export function adminCredential(record: ClusterRecord, { staticCredential: { status, code } }: Unconfirmed): SimResponse {
  if (record.resource.properties.disableLocalAccounts === true) {
    return flat(status, code, "Getting static credential isn't allowed because this cluster is set to disable local accounts.");
  }
  return answer('clusterAdmin', record, { token: record.adminToken });
}

function answer(name: string, record: ClusterRecord, user: object): SimResponse {
  const { server: answering, certificateAuthority } = record.endpoint();
  const server = record.toldServer ?? answering;
  const owner = `${name}_${record.group}_${record.name}`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: record.name, cluster: { server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') } }],
    contexts: [{ name: record.name, context: { cluster: record.name, user: owner } }],
    'current-context': record.name,
    preferences: {},
    users: [{ name: owner, user }],
  };
  return { status: 200, body: { kubeconfigs: [{ name, value: Buffer.from(stringify(config)).toString('base64') }] } };
}

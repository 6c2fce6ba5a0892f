import { federatedEndpoint } from '../../agent/fake-agent.js';
import { stack } from './shared-rows.js';
import { row, unseen, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const form = /lines such as "api: \/mnt\/secrets": the name of a container, a colon, and an absolute path without : and \.\./;
const item = /names of secrets, cert:name or key:name, each of which becomes a file, and no \*/;
const secretName = /the name of a Secret: lower-case letters, digits, hyphens and dots, at most 253/;
const good = { keyVault: 'rg/kv-orders', secrets: 'orders-db', secretMounts: 'api: /mnt/secrets' };
const more = { given: good };
/** The good inputs but for this one. */
const but = (name: keyof typeof good | 'syncSecret'): { given: Readonly<Record<string, string>> } => ({ given: Object.fromEntries(Object.entries(good).filter(([key]) => key !== name)) });
const listed = (settings: object): string => JSON.stringify([{ cluster: 'rg/aks-1', ...settings }, 'rg/aks-2']);

/** What DeployWithIdentity takes for secrets of a vault in pods. */
export const vaultMountRows: readonly BadInput[] = [
  ...['api', '/mnt/secrets', 'api: mnt/secrets', 'api: /', 'api: /mnt/../etc', 'api: /mnt//secrets', 'api: /mnt:ro', 'API: /mnt/secrets', 'api_1: /mnt/secrets', 'api: C:\\secrets', 'api: /mnt/./x', 'deployment/api: /mnt/secrets', 'api = /mnt/secrets'].flatMap((line) => row(deploy, 'secretMounts', line, 'WI1007', line, form, but('secretMounts'))),
  ...row(deploy, 'secretMounts', 'api: /mnt/a, web: /mnt/b, api: /mnt/c', 'WI1061', '"api"', /listed twice/, but('secretMounts')),
  ...['/var/run/secrets', '/var/run/secrets/azure/tokens', '/var/run/secrets/azure/tokens/more'].flatMap((path) => row(deploy, 'secretMounts', `api: ${path}`, 'WI1007', path, /a path apart from \/var\/run\/secrets\/.+, where the pod’s own tokens are mounted/, but('secretMounts'))),
  ...row(deploy, 'secretMounts', '$(mounts)', 'WI1005', '$(mounts)', /link the variable group/, but('secretMounts')),
  ...row(deploy, 'secretMounts', '@mounts.txt', 'WI1006', '@mounts.txt', /relative to the sources/, but('secretMounts')),
  ...row(deploy, 'secretMounts', '', 'WI1060', undefined, /input keyVault is given, and nothing says which container gets secrets.*or leave keyVault empty/, but('secretMounts')),
  ...row(deploy, 'secretMounts', '', 'WI1060', undefined, /input syncSecret is given/, { given: { syncSecret: 'orders-env' } }),
  ...row(deploy, 'secretMounts', good.secretMounts, 'WI1060', undefined, /identityMode is verify.*let the chart mount them, or set identityMode to inject/, { given: { ...good, identityMode: 'verify' } }),
  ...row(deploy, 'secretMounts', good.secretMounts, 'WI1060', undefined, /is of cloud AzureStack, which the Secrets Store CSI driver does not know by itself/, { ...more, connection: { ...federatedEndpoint, data: { ...federatedEndpoint.data, ...stack } } }),
  ...row(deploy, 'keyVault', '', 'WI1060', undefined, /secrets names secrets, and nothing says which vault of aks-1 has them/, but('keyVault')),
  ...row(deploy, 'keyVault', 'kv-orders', 'WI1007', 'kv-orders', /ARM id of type Microsoft\.KeyVault\/vaults/, but('keyVault')),
  ...row(deploy, 'keyVault', good.keyVault, 'WI1007', '"kv"', /ARM id of type/, { given: { ...good, clusters: listed({ keyVault: 'kv' }) }, begins: 'Input keyVault, as the list sets it for aks-1, ' }),
  ...row(deploy, 'secrets', '*', 'WI1007', '"*"', item, but('secrets')),
  ...row(deploy, 'secrets', 'orders_db', 'WI1007', 'orders_db', item, but('secrets')),
  ...row(deploy, 'secrets', 'orders-db, cert:Orders-DB', 'WI1060', 'orders-db', /both would be the file of that name; name one of them/, but('secrets')),
  ...row(deploy, 'secrets', '', 'WI1060', undefined, /keyVault names kv-orders, and nothing would be mounted from it/, but('secrets')),
  ...row(deploy, 'secrets', '', 'WI1060', undefined, /nothing says which secrets they get on aks-2; name the secrets and their vault/, { given: { secretMounts: good.secretMounts, clusters: listed({ keyVault: 'rg/kv-orders', secrets: 'orders-db' }) } }),
  ...row(deploy, 'syncSecret', 'Orders_Env', 'WI1007', 'Orders_Env', secretName, more),
  ...row(deploy, 'syncSecret', 's'.repeat(254), 'WI1007', 's'.repeat(119), secretName, more),
  ...row(deploy, 'syncSecret', `orders${unseen.zeroWidthSpace}`, 'WI1063', 'orders\\u{200B}', /type the value anew/, more),
  ...row(deploy, 'vaultConnection', 'nobody', 'WI1010', 'nobody', /authorize the pipeline to use it/, { ...more, begins: 'The service connection nobody' }),
];

import { isGuid } from '../guid.js';
import { object, parseJson, text } from '../json.js';

type Values = Readonly<Record<string, string>>;

/**
 * Kinds of static credentials that named values look like, sorted; none of the values is repeated. JSON documents among them, such as the
 * output of `az ad sp create-for-rbac`, are looked into one level deep.
 */
export function likenesses(values: Values): string[] {
  const documents = Object.values(values).map((value) => object(parseJson(value)));
  const fields = documents.map((document) => Object.fromEntries(Object.entries(document).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : []))));
  const found = [
    ...[values, ...fields].flatMap((named) => [...(isServicePrincipal(named) ? ['service principal secret'] : []), ...registryPair(named)]),
    ...documents.flatMap(dockerLogins),
    ...Object.values(values).flatMap(valueLikenesses),
  ];
  const kinds = new Set(found);
  // The same login, told less exactly.
  if (kinds.has('registry admin user')) kinds.delete('registry credential');
  return [...kinds].sort();
}

/** Values that say by their form what they are. */
const forms: readonly (readonly [string, RegExp])[] = [
  // Service Bus, Event Hubs and IoT Hub share the form. Source: Service Bus docs, get the connection string.
  ['service bus connection string', /\bSharedAccessKey=[A-Za-z0-9+/]{20}/i],
  // Keys that Azure marks so that they can be recognised. Source: microsoft/security-utilities, SEC101/156, SEC101/176 and the storage keys beside them.
  ['service principal secret', /(?<![\w~.+/=-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}(?![\w~.+/=-])/],
  ['registry credential', /(?<![\w+/=-])[A-Za-z0-9+/]{42}\+ACR[A-D][A-Za-z0-9+/]{5}(?![\w+/=-])/],
  ['storage account key', /(?<![\w+/=-])[A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/]{5}[AQgw]==/],
];

/** What one value looks like, whatever its name. */
export function valueLikenesses(value: string): string[] {
  // The key of the storage emulator is public. Source: Azurite docs, default storage account.
  const real = value.replaceAll(/AccountName=devstoreaccount1;AccountKey=[^;\s]*/gi, '');
  const marked = forms.flatMap(([kind, form]) => (form.test(real) ? [kind] : []));
  return [...marked, ...accountKey(real), ...(hasSasToken(real) ? ['SAS token'] : [])];
}

/** Sources: Azure Storage docs, configure connection strings; Azure Cosmos DB docs, where they begin with AccountEndpoint instead. */
function accountKey(value: string): string[] {
  if (!/\bAccountKey=[A-Za-z0-9+/]{20}/i.test(value)) return [];
  return [/\bAccountEndpoint=/i.test(value) ? 'Cosmos DB connection string' : 'storage connection string'];
}

/** Source: Azure Storage docs, create a service SAS (`se` expiry, `sig` signature); Service Bus docs, SharedAccessSignature (`se` in seconds). */
function hasSasToken(value: string): boolean {
  return value.split(/[\s"';]+/).some((part) => /(?:^|[?&=])sig=[\w%+/=-]{20}/i.test(part) && /(?:^|[?&=])se=\d/i.test(part));
}

/** Letters and digits of a name, so that `AZURE_CLIENT_SECRET` and `azureClientSecret` are one. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/**
 * True for the secret of an Entra application: named as Azure's own tools name it, or a client secret beside a client id that is a GUID, as
 * Entra's are. Sources: Azure SDK environment variables (AZURE_CLIENT_SECRET), `az ad sp create-for-rbac --sdk-auth` (clientId, clientSecret) and
 * without it (appId, password), cloud-provider-azure azure.json (aadClientSecret, `msi` where there is none).
 */
function isServicePrincipal(values: Values): boolean {
  const named = Object.entries(values).map(([key, value]) => ({ key: plain(key), value: value.trim() }));
  const secret = named.some(({ key, value }) => /(?:azure|arm|aad|entra)clientsecret$/.test(key) && value !== '' && value !== 'msi');
  const entraId = (ends: RegExp): boolean => named.some(({ key, value }) => ends.test(key) && isGuid(value));
  const has = (ends: RegExp): boolean => named.some(({ key, value }) => ends.test(key) && value !== '');
  return secret || (has(/clientsecret$/) && entraId(/clientid$/)) || (has(/(?:^password|clientsecret)$/) && entraId(/(?:appid|applicationid)$/));
}

/** Hosts of registries in every cloud. Source: `az cloud list`, suffixes acrLoginServerEndpoint. */
const registryHost = /(?<![\w.-])([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.azurecr\.(?:io|cn|us))(?![\w-]|\.\w)/i;

/** Signs in with a token, which is short-lived. Source: ACR docs, `az acr login --expose-token`. */
const tokenUser = '00000000-0000-0000-0000-000000000000';

/** What a user of a registry signs in with. The admin user has the registry's name. Source: ACR docs, authentication options. */
function registryLikeness(host: string | undefined, user: string | undefined): string[] {
  if (user === tokenUser) return [];
  // The login server of a registry with a domain name label is `<name>-<hash>`; names have no hyphen. Source: ACR docs, domain name label scope.
  const registry = host?.toLowerCase().split(/[.-]/)[0];
  return [registry !== undefined && user?.toLowerCase() === registry ? 'registry admin user' : 'registry credential'];
}

/**
 * Logins to Azure registries in a Docker configuration. Source: Kubernetes docs, kubernetes.io/dockerconfigjson and dockercfg; an entry is a host
 * or a URL, with `username` and `password` or with `auth`, the base64 of `username:password`.
 */
function dockerLogins(config: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(object(config.auths ?? config)).flatMap(([server, entry]) => {
    const host = registryHost.exec(server.replace(/^https?:\/\//, '').split('/')[0] ?? '')?.[1];
    const { username, password, auth } = object(entry);
    const [user, word] = decoded(text(auth) ?? '').split(':');
    if (host === undefined || (text(password) ?? text(word)) === undefined) return [];
    return registryLikeness(host, text(username) ?? text(user));
  });
}

/**
 * A user name and a password, as `REGISTRY_USERNAME` and `REGISTRY_PASSWORD`, beside the host of an Azure registry or named after one
 * (`ACR_PASSWORD`). Source: the ACR migration plan, current flow.
 */
function registryPair(values: Values): string[] {
  const host = Object.values(values).map((value) => registryHost.exec(value)?.[1]).find((found) => found !== undefined);
  const entries = Object.entries(values).map(([key, value]) => ({ key: plain(key), value: value.trim() }));
  const user = entries.find(({ key, value }) => /(?:^|acr|registry|docker)(?:user|username)$/.test(key) && value !== '')?.value;
  const word = entries.find(({ key, value }) => /(?:^|acr|registry|docker)(?:password|pwd)$/.test(key) && value !== '');
  if (user === undefined || word === undefined) return [];
  return host === undefined && !word.key.includes('acr') ? [] : registryLikeness(host, user);
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

import { WorkloadIdentityCredential, type TokenCredential } from '@azure/identity';

/** The kinds of manifest that images have; a registry answers only with one that is accepted. */
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Gets the manifest of an image as the pod's identity: no user name, no password, no secret. */
export async function pullManifest(
  { registry, repository, reference }: { registry: string; repository: string; reference: string },
  // Reads AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE, which the webhook sets in the pod.
  credential: TokenCredential = new WorkloadIdentityCredential(),
  request: typeof fetch = fetch,
): Promise<unknown> {
  // 1. The token of the service account becomes a token of the identity.
  const identity = await credential.getToken('https://containerregistry.azure.net/.default');
  if (identity === null) throw new Error('the identity got no token');

  // 2. That one becomes a refresh token of the registry, which lives for about three hours: keep it for the next pulls.
  const exchange = { grant_type: 'access_token', service: registry, access_token: identity.token };
  const refreshToken = await tokenFrom(request, `https://${registry}/oauth2/exchange`, exchange, 'refresh_token');

  // 3. And that one an access token for one repository.
  const scope = `repository:${repository}:pull`;
  const access = { grant_type: 'refresh_token', service: registry, scope, refresh_token: refreshToken };
  const accessToken = await tokenFrom(request, `https://${registry}/oauth2/token`, access, 'access_token');

  const headers = { authorization: `Bearer ${accessToken}`, accept: manifestTypes.join(', ') };
  const answer = await request(`https://${registry}/v2/${repository}/manifests/${reference}`, { headers });
  if (!answer.ok) throw new Error(`${registry} refused ${repository}:${reference} with ${answer.status}`);
  return answer.json();
}

async function tokenFrom(request: typeof fetch, url: string, form: Record<string, string>, name: string): Promise<string> {
  const answer = await request(url, { method: 'POST', body: new URLSearchParams(form) });
  const token: unknown = answer.ok ? Reflect.get(Object(await answer.json()), name) : undefined;
  if (typeof token !== 'string') throw new Error(`${url} refused with ${answer.status}`);
  return token;
}

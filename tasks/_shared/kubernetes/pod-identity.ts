import { exchangeAudience } from '../fleet/names.js';
import { identityKeys } from './connection.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { metadataOf, type ClusterObject } from './objects.js';

/** What pods of an identity carry. */
export interface ExpectedIdentity {
  readonly clientId: string;
  readonly tenantId: string;
}

/** One thing that a container lacks or has wrong. */
export interface IdentityFault {
  readonly container: string;
  /** `environment`: a variable; `token`: the token file. */
  readonly aspect: 'clientId' | 'tenantId' | 'token';
  /** Undefined when it is missing altogether. */
  readonly found: string | undefined;
  readonly text: string;
}

const variables = { clientId: 'AZURE_CLIENT_ID', tenantId: 'AZURE_TENANT_ID', token: 'AZURE_FEDERATED_TOKEN_FILE' } as const;

/**
 * What is wrong with the identity of a pod; empty when every container has it. Path and name of the token volume differ between
 * releases of the webhook, so the volume is found from the environment variable.
 */
export function identityFaults(pod: ClusterObject, expected: ExpectedIdentity): IdentityFault[] {
  const spec = object(pod.spec);
  const skipped = (metadataOf(pod).annotations[identityKeys.skipContainers] ?? '').split(';').map((name) => name.trim());
  const containers = [...objects(spec.initContainers), ...objects(spec.containers)];
  return containers.filter(({ name }) => !skipped.includes(text(name) ?? '')).flatMap((container) => containerFaults(container, spec, expected));
}

function containerFaults(container: Json, spec: Json, expected: ExpectedIdentity): IdentityFault[] {
  const name = text(container.name) ?? '';
  const environment = new Map(objects(container.env).map((entry) => [text(entry.name), text(entry.value)]));
  const faults: IdentityFault[] = [];
  for (const aspect of ['clientId', 'tenantId'] as const) {
    const found = environment.get(variables[aspect]);
    if (found === expected[aspect]) continue;
    const problem = found === undefined ? `has no ${variables[aspect]}` : `has ${variables[aspect]} ${found} instead of ${expected[aspect]}`;
    faults.push({ container: name, aspect, found, text: `container ${name} ${problem}` });
  }
  const path = environment.get(variables.token);
  const problem = path === undefined ? `has no ${variables.token}` : tokenProblem(path, container, spec);
  if (problem !== undefined) faults.push({ container: name, aspect: 'token', found: path, text: `container ${name} ${problem}` });
  return faults;
}

function tokenProblem(path: string, container: Json, spec: Json): string | undefined {
  const mount = objects(container.volumeMounts).find(({ mountPath }) => typeof mountPath === 'string' && path.startsWith(`${mountPath.replace(/\/$/, '')}/`));
  if (mount === undefined) return `has no volume mounted at ${path}`;
  const below = path.slice((text(mount.mountPath) ?? '').replace(/\/$/, '').length + 1);
  const volume = objects(spec.volumes).find(({ name }) => name === mount.name);
  const tokens = objects(object(volume?.projected).sources).map(({ serviceAccountToken }) => object(serviceAccountToken));
  const token = tokens.find(({ path: file }) => file === below);
  if (token === undefined) return `has no projected service-account token at ${path}`;
  const audience = text(token.audience) ?? "the API server's own";
  return audience === exchangeAudience ? undefined : `has a token for audience ${audience} at ${path} instead of ${exchangeAudience}`;
}

import { strings, text, texts, type Json } from '../fleet/json.js';
import { likenesses, valueLikenesses } from '../fleet/posture/credential-likeness.js';
import { azureCredentialNames, literalCredentials } from '../fleet/posture/literal-credentials.js';
import { containersOf } from '../fleet/posture/namespace-view.js';
import { some, upperFirst } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { kinds, nameOf, type ObjectRef } from './objects.js';
import { podTemplateOf } from './pod-templates.js';
import { renderedObjects, type RenderedObject } from './rendered-objects.js';
import { secretFact, secretValues } from './secret-facts.js';
import type { SendFinding, Sending, SendPolicy, Severity } from './send-checks.js';

/** Asks the cluster for a token, which then does not expire. Source: Kubernetes docs, Secret, service account token secrets. */
const tokenSecret = 'kubernetes.io/service-account-token';
const configMap = 'ConfigMap';

/**
 * Names of variables that hold a credential of anything. What only switches something (`ALLOW_EMPTY_PASSWORD`) holds none.
 */
const credentialNames: readonly RegExp[] = [
  ...azureCredentialNames,
  /^(?!(?:ALLOW|DISABLE|ENABLE|REQUIRE|SKIP|USE)_)\w*(?:PASSWORD|PASSWD|PASSPHRASE)$/,
  /(?:^|_)(?:CLIENT_SECRET|SECRET_KEY|SECRET_ACCESS_KEY|PRIVATE_KEY|API_?KEY|ACCESS_TOKEN|AUTH_TOKEN)$/,
];

/** How a finding is judged and told. */
interface How {
  readonly policy: SendPolicy;
  readonly severity: Severity;
  /** What the objects are from, as a sentence begins with it. */
  readonly source: string;
}

/** Credentials in manifests: secrets with data, and what looks like a credential where no secret is. Whoever reads chart, release or object has them. */
export function plainSecrets({ objects: rendered, again = [], policy, source }: Sending): SendFinding[] {
  const how = { policy, source: upperFirst(source), severity: policy.plainSecrets === 'warn' ? 'warn' : 'error' } as const;
  return rendered.flatMap((one) => {
    if (one.ref.kind === kinds.secret.kind) return secretFindings(one, again.find(({ ref }) => isSame(ref, one.ref)), how);
    if (one.ref.kind === configMap) return configFindings(one, how);
    return variableFindings(one, how);
  });
}

/** True when manifests have secrets with data: only a second rendering then tells what is made up while rendering. */
export function holdSecrets(manifests: string, namespace: string): boolean {
  if (!/\bkind["']?:\s*["']?Secret\b/.test(manifests)) return false;
  return renderedObjects(manifests, namespace).some(({ content, ref }) => ref.kind === kinds.secret.kind && Object.values(secretValues(content)).some(isConfidential));
}

function secretFindings({ content, ref }: RenderedObject, other: RenderedObject | undefined, { policy, severity, source }: How): SendFinding[] {
  const fact = secretFact(content);
  const keys = Object.entries(secretValues(content)).flatMap(([key, value]) => (isConfidential(value) && !isAllowed(policy, ref, key) ? [key] : []));
  const madeUp = new Set(other === undefined ? [] : keys.filter((key) => differ(content, other.content, key)));
  const kept = keys.filter((key) => !madeUp.has(key));
  return [
    ...(kept.length === 0 ? [] : [{ severity, problem: plainData(ref, kept, fact.looksLike, source) }]),
    ...(madeUp.size === 0 ? [] : [{ severity: 'warn' as const, problem: madeUpData(ref, [...madeUp]) }]),
    ...(fact.type !== tokenSecret || isAllowed(policy, ref, '') ? [] : [{ severity: 'warn' as const, problem: endlessToken(ref, source) }]),
  ];
}

function differ(one: Json, other: Json, key: string): boolean {
  const value = secretValues(other)[key];
  return value !== undefined && value !== '' && value !== secretValues(one)[key];
}

/** False for nothing, and for certificates without a key, which anybody may have. Source: RFC 7468, textual encodings. */
function isConfidential(value: string): boolean {
  return value.replaceAll(/-----BEGIN CERTIFICATE-----[\w+/=\s]*-----END CERTIFICATE-----/g, '').trim() !== '';
}

function plainData(ref: ObjectRef, keys: readonly string[], looksLike: readonly string[], source: string): Problem {
  const looks = looksLike.length === 0 ? '' : `, which look like a ${looksLike.join(', a ')}`;
  return new Problem({
    code: 'WI4220',
    what: `${source} would send ${nameOf(ref)} with data`,
    because: `${some(keys)} ${keys.length === 1 ? 'has a value' : 'have values'} in what is deployed${looks}; whoever reads that, or what is kept of it in the cluster, has it`,
    remedy: `keep the value in Key Vault and let the workload read it with its identity; or list ${entryFor(ref)} in allowedSecrets, with plainSecrets: allow-list`,
  });
}

function madeUpData(ref: ObjectRef, keys: readonly string[]): Problem {
  return new Problem({
    code: 'WI4220',
    what: `The chart makes up data of ${nameOf(ref)}`,
    because: `${some(keys)} differ each time the chart is rendered: no file has the value, but Helm stores it in the release, and an upgrade may change it`,
    remedy: 'a certificate of a webhook may stay so; keep a password in Key Vault and give its name to the chart',
  });
}

function endlessToken(ref: ObjectRef, source: string): Problem {
  return new Problem({
    code: 'WI4220',
    what: `${source} would ask for a token that does not expire, in ${nameOf(ref)}`,
    because: `its type is ${tokenSecret}`,
    remedy: 'let whoever needs the token ask for one that expires (TokenRequest, a projected volume), and take the secret out',
  });
}

function configFindings({ content, ref }: RenderedObject, { policy, severity, source }: How): SendFinding[] {
  const data = Object.fromEntries(Object.entries(strings(content.data)).filter(([key]) => !isAllowed(policy, ref, key)));
  const looks = likenesses(data);
  if (looks.length === 0) return [];
  const keys = Object.entries(data).flatMap(([key, value]) => (valueLikenesses(value).length > 0 ? [key] : []));
  const where = some(keys.length === 0 ? Object.keys(data) : keys);
  return [{ severity, problem: literal(source, ref, `${where} ${keys.length === 1 ? 'holds' : 'hold'} what looks like a ${looks.join(', a ')}`) }];
}

function variableFindings({ content, ref }: RenderedObject, { policy, severity, source }: How): SendFinding[] {
  const template = podTemplateOf(content);
  if (template === undefined) return [];
  const seen = containersOf({ template }).flatMap((container) => {
    const title = `container ${text(container.name) ?? ''}`;
    const variables = literalCredentials(container, credentialNames).filter(({ name }) => !isAllowed(policy, ref, name));
    const words = [...texts(container.command), ...texts(container.args)].flatMap(valueLikenesses);
    return [
      ...variables.map(({ name, how }) => `${title} sets ${name} ${how}`),
      ...(words.length === 0 || isAllowed(policy, ref, 'args') ? [] : [`${title} has what looks like a ${[...new Set(words)].join(', a ')} among its arguments`]),
    ];
  });
  return seen.length === 0 ? [] : [{ severity, problem: literal(source, ref, some(seen, 5, '; ')) }];
}

function literal(source: string, ref: ObjectRef, because: string): Problem {
  return new Problem({
    code: 'WI4221',
    what: `${source} would send ${nameOf(ref)} with a credential in it`,
    because,
    remedy: `let the workload use its identity, or read the value from Key Vault; where it is no credential, list ${entryFor(ref)} with its key or variable in allowedSecrets, with plainSecrets: allow-list`,
  });
}

function entryFor({ kind, name }: ObjectRef): string {
  return `${kind}/${name}`;
}

function isSame(one: ObjectRef, other: ObjectRef): boolean {
  return one.kind === other.kind && one.namespace === other.namespace && one.name === other.name;
}

/** True for what an entry lets pass: one without a key stands for all of the object. */
function isAllowed({ plainSecrets: mode, allowedSecrets }: SendPolicy, { kind, name }: ObjectRef, key: string): boolean {
  return mode === 'allow-list' && allowedSecrets.some((entry) => {
    const [ofKind = '', ofName = '', ofKey] = entry.split('/');
    return ofKind.toLowerCase() === kind.toLowerCase() && matches(ofName, name) && (ofKey === undefined || matches(ofKey, key));
  });
}

function matches(pattern: string, found: string): boolean {
  const form = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${form}$`).test(found);
}

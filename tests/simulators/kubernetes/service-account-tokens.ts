import { createHash, createPublicKey, randomUUID, sign, verify, type KeyObject } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { rsaPrivateKey } from '../kernel/rsa-keys.js';
import { isRecord } from '../kernel/service.js';
import type { KubernetesUser } from './access.js';
import type { KindRegistry } from './objects/kinds.js';
import { ApiError, conflict, invalidValue, notFound } from './objects/status.js';
import type { ObjectStore } from './objects/store.js';
import { at, fieldsAt, numberAt, textAt, textsAt, timestamp, type Fields, type KubernetesObject } from './objects/values.js';

interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Signs and checks the tokens of a cluster's service accounts, RS256 with an RSA-2048 key that is made on first use. */
export class ServiceAccountTokens {
  #key: SigningKey | undefined;
  readonly #audiences = new Set<string>();

  constructor(
    private readonly clock: Clock,
    private readonly store: ObjectStore,
    private readonly kinds: KindRegistry,
    private readonly issuer: () => string,
    private readonly newKey: () => KeyObject = rsaPrivateKey,
  ) {}

  /** The JSON Web Key Set with the public key. */
  jwks(): { keys: Fields[] } {
    const { id, publicKey } = this.#signingKey();
    const { n, e } = publicKey.export({ format: 'jwk' });
    return { keys: [{ use: 'sig', kty: 'RSA', kid: id, alg: 'RS256', n, e }] };
  }

  /** Throws the signing key away, as a rotation does; tokens of the old key are no longer accepted. */
  rotate(): void {
    this.#key = undefined;
  }

  /**
   * Answers a TokenRequest for a service account.
   * @throws ApiError 404 for a missing account or bound object, 409 for another uid, 422 for a lifetime out of range.
   */
  request(namespace: string, name: string, body: Fields): Fields {
    const account = this.store.get(this.kinds.named('ServiceAccount'), namespace, name);
    if (account === undefined) throw notFound(this.kinds.named('ServiceAccount'), name);
    const asked = textsAt(body, 'spec', 'audiences');
    const audiences = asked.length > 0 ? asked : [this.issuer()];
    const seconds = numberAt(body, ['spec', 'expirationSeconds'], 3600);
    checkLifetime(seconds);
    const bound = this.#bound(namespace, fieldsAt(body, 'spec', 'boundObjectRef'));
    const now = Math.floor(this.clock.now().getTime() / 1000);
    const serviceaccount = { name, uid: account.metadata.uid };
    const token = this.#sign({ aud: audiences, exp: now + seconds, iat: now, nbf: now, iss: this.issuer(), jti: randomUUID(), sub: `system:serviceaccount:${namespace}:${name}`, 'kubernetes.io': { namespace, ...bound, serviceaccount } });
    const spec = { audiences, expirationSeconds: seconds, boundObjectRef: at(body, 'spec', 'boundObjectRef') ?? null };
    const metadata = { name, namespace, creationTimestamp: timestamp(this.clock.now()) };
    const expirationTimestamp = timestamp(new Date((now + seconds) * 1000));
    return { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec, status: { token, expirationTimestamp } };
  }

  /**
   * The service account that a bearer token of this cluster stands for; `invalid` when it is ours but no longer good
   * (expired, other audience, account or pod gone), undefined when it is not ours.
   */
  authenticate(token: string): KubernetesUser | 'invalid' | undefined {
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = this.#claims(head, body, signature);
    if (claims === undefined) return undefined;
    const { namespace, account } = this.#account(claims);
    const now = this.clock.now().getTime() / 1000;
    this.#audiences.add(this.issuer());
    const meant = textsAt(claims, 'aud').some((audience) => this.#audiences.has(audience));
    const known = account?.metadata.uid === textAt(claims, 'kubernetes.io', 'serviceaccount', 'uid');
    const alive = this.#boundObjectLives(namespace, claims);
    if (!meant || !known || !alive || numberAt(claims, ['exp'], 0) <= now) return 'invalid';
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    return { name: textAt(claims, 'sub'), groups };
  }

  #account(claims: Fields): { namespace: string; account: KubernetesObject | undefined } {
    const namespace = textAt(claims, 'kubernetes.io', 'namespace');
    const name = textAt(claims, 'kubernetes.io', 'serviceaccount', 'name');
    return { namespace, account: this.store.get(this.kinds.named('ServiceAccount'), namespace, name) };
  }

  #boundObjectLives(namespace: string, claims: Fields): boolean {
    return ['pod', 'secret'].every((field) => {
      const bound = at(claims, 'kubernetes.io', field);
      if (bound === undefined) return true;
      return this.store.get(this.kinds.named(field), namespace, textAt(bound, 'name'))?.metadata.uid === textAt(bound, 'uid');
    });
  }

  #claims(head: string, body: string, signature: string): Fields | undefined {
    if (this.#key === undefined || signature === '') return undefined;
    try {
      const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
      const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
      if (textAt(header, 'kid') !== this.#key.id || textAt(header, 'alg') !== 'RS256' || !isRecord(claims)) return undefined;
      const good = verify('RSA-SHA256', Buffer.from(`${head}.${body}`), this.#key.publicKey, Buffer.from(signature, 'base64url'));
      return good ? claims : undefined;
    } catch {
      return undefined;
    }
  }

  #bound(namespace: string, reference: Fields): Fields {
    const kindName = textAt(reference, 'kind');
    if (kindName === '') return {};
    if (!['Pod', 'Secret', 'Node'].includes(kindName)) {
      throw new ApiError(422, 'Invalid', `TokenRequest.authentication.k8s.io "" is invalid: spec.boundObjectRef: Invalid value: "${kindName}": cannot bind token for serviceaccount to ${textAt(reference, 'apiVersion')}, Kind=${kindName}`);
    }
    const kind = this.kinds.named(kindName);
    const object = this.store.get(kind, namespace, textAt(reference, 'name'));
    if (object === undefined) throw notFound(kind, textAt(reference, 'name'));
    const { name, uid = '' } = object.metadata;
    const wanted = textAt(reference, 'uid');
    if (wanted !== '' && wanted !== uid) throw conflict(kind, name, `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`);
    const node = kindName === 'Pod' ? this.store.get(this.kinds.named('Node'), undefined, textAt(object, 'spec', 'nodeName')) : undefined;
    return { [kindName.toLowerCase()]: { name, uid }, ...(node === undefined ? {} : { node: { name: node.metadata.name, uid: node.metadata.uid } }) };
  }

  #sign(claims: Fields): string {
    const { id, privateKey } = this.#signingKey();
    this.#audiences.add(this.issuer());
    const content = `${encode({ alg: 'RS256', kid: id })}.${encode(claims)}`;
    return `${content}.${sign('RSA-SHA256', Buffer.from(content), privateKey).toString('base64url')}`;
  }

  #signingKey(): SigningKey {
    if (this.#key === undefined) {
      const privateKey = this.newKey();
      const publicKey = createPublicKey(privateKey);
      const id = createHash('sha256').update(publicKey.export({ format: 'der', type: 'spki' })).digest('base64url');
      this.#key = { id, privateKey, publicKey };
    }
    return this.#key;
  }
}

function checkLifetime(seconds: number): void {
  const why = seconds < 600 ? 'may not specify a duration less than 10 minutes' : seconds > 2 ** 32 ? 'may not specify a duration larger than 2^32 seconds' : '';
  if (why === '') return;
  const cause = invalidValue('spec.expirationSeconds', seconds, why);
  const details = { group: 'authentication.k8s.io', kind: 'TokenRequest', causes: [cause] };
  throw new ApiError(422, 'Invalid', `TokenRequest.authentication.k8s.io "" is invalid: ${cause.field}: ${cause.message}`, details);
}

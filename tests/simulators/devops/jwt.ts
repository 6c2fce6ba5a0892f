import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { isRecord } from '../kernel/service.js';

/** A key that signs compact JWTs. Synchronous throughout, so that a virtual clock never waits for a thread pool. */
export interface JwtKey {
  /** The protected header, `alg` included. */
  readonly header: Readonly<Record<string, string>>;
  sign(text: string): Buffer;
  verify(text: string, signature: Buffer): boolean;
}

/** An RS256 key with the public half as others fetch it. */
export interface PublishedJwtKey extends JwtKey {
  /** The public key as a member of a JSON Web Key Set. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** A fresh HS256 key, for tokens that only their issuer checks. */
export function secretJwtKey(): JwtKey {
  const secret = randomBytes(32);
  const digest = (text: string): Buffer => createHmac('sha256', secret).update(text).digest();
  return {
    header: { typ: 'JWT', alg: 'HS256' },
    sign: digest,
    verify: (text, signature) => signature.length === 32 && timingSafeEqual(digest(text), signature),
  };
}

/** A fresh RS256 key. Makes 2048 bits: 50 to 300 ms. */
export function publishedJwtKey(): PublishedJwtKey {
  const privateKey: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const publicKey = createPublicKey(privateKey);
  const kid = randomBytes(20).toString('hex').toUpperCase();
  return {
    header: { typ: 'JWT', alg: 'RS256', kid },
    jwk: { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid },
    sign: (text) => sign('sha256', Buffer.from(text), privateKey),
    verify: (text, signature) => verify('sha256', Buffer.from(text), publicKey, signature),
  };
}

/** A signed compact JWT. */
export function issueJwt(key: JwtKey, claims: object): string {
  const text = `${encode(key.header)}.${encode(claims)}`;
  return `${text}.${key.sign(text).toString('base64url')}`;
}

/** The claims of a token that this key signed and that is valid at `now`; undefined for every other text. */
export function readJwt(key: JwtKey, token: string, now: Date): Record<string, unknown> | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) return undefined;
  if (!key.verify(`${header}.${payload}`, Buffer.from(signature, 'base64url'))) return undefined;
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  if (!isRecord(claims)) return undefined;
  const seconds = now.getTime() / 1000;
  const { nbf, exp } = claims;
  const valid = typeof nbf === 'number' && typeof exp === 'number' && nbf <= seconds && seconds < exp;
  return valid ? claims : undefined;
}

/** The `iat`, `nbf` and `exp` claims of a token that is issued at `now`. */
export function lifetime(now: Date, seconds: number): { iat: number; nbf: number; exp: number } {
  const issued = Math.floor(now.getTime() / 1000);
  return { iat: issued, nbf: issued, exp: issued + seconds };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

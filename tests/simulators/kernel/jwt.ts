import { createHmac, createPublicKey, randomBytes, sign, timingSafeEqual, verify } from 'node:crypto';
import { rsaPrivateKey } from './rsa-keys.js';
import { isRecord } from './service.js';

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

/** The parts of a compact JWT. Nothing about it has been checked but its form. */
export interface DecodedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature covers. */
  readonly text: string;
  readonly signature: Buffer;
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
  const privateKey = rsaPrivateKey();
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

/** Takes a compact JWT apart; undefined when the text is none. */
export function decodeJwt(token: string): DecodedJwt | undefined {
  const [head, body, signature, ...rest] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined;
  const header = decode(head);
  const claims = decode(body);
  if (!isRecord(header) || !isRecord(claims)) return undefined;
  return { header, claims, text: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') };
}

/** The claims of a token that this key signed and that is valid at `now`; undefined for every other text. */
export function readJwt(key: JwtKey, token: string, now: Date): Record<string, unknown> | undefined {
  const jwt = decodeJwt(token);
  if (jwt === undefined || jwt.header.alg !== key.header.alg || !key.verify(jwt.text, jwt.signature)) return undefined;
  return isAlive(jwt, now) ? jwt.claims : undefined;
}

/** True when `nbf` and `exp` are there and `now` lies between them, `skewSeconds` more tolerated at both ends. */
export function isAlive({ claims: { nbf, exp } }: DecodedJwt, now: Date, skewSeconds = 0): boolean {
  const seconds = now.getTime() / 1000;
  return typeof nbf === 'number' && typeof exp === 'number' && nbf - skewSeconds <= seconds && seconds < exp + skewSeconds;
}

/** The `iat`, `nbf` and `exp` claims of a token that is issued at `now`. */
export function lifetime(now: Date, seconds: number): { iat: number; nbf: number; exp: number } {
  const issued = Math.floor(now.getTime() / 1000);
  return { iat: issued, nbf: issued, exp: issued + seconds };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

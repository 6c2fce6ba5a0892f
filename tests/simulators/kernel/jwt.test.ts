import assert from 'node:assert/strict';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { decodeJwt, isAlive, issueJwt, lifetime, publishedJwtKey, readJwt, secretJwtKey } from './jwt.js';

const now = new Date('2026-01-05T08:00:00Z');
const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

describe('jwt', () => {
  const published = publishedJwtKey();

  it('signs RS256 so that another library accepts it by the published key', async () => {
    const token = issueJwt(published, { aud: 'a', ...lifetime(now, 60) });
    const keys = createLocalJWKSet({ keys: [published.jwk] });
    const { payload, protectedHeader } = await jwtVerify(token, keys, { audience: 'a', currentDate: later(1), algorithms: ['RS256'] });
    assert.equal(payload.exp, now.getTime() / 1000 + 60);
    assert.equal(protectedHeader.kid, published.header.kid);
  });

  for (const [name, key] of [
    ['RS256', published],
    ['HS256', secretJwtKey()],
  ] as const) {
    it(`reads its own ${name} tokens and nobody else's`, () => {
      const token = issueJwt(key, { sub: 's', ...lifetime(now, 60) });
      assert.equal(readJwt(key, token, now)?.sub, 's');
      assert.equal(readJwt(key, token, later(60)), undefined, 'expired');
      assert.equal(readJwt(key, token, later(-1)), undefined, 'not yet valid');
      assert.equal(readJwt(secretJwtKey(), token, now), undefined, 'another key');
      const [head = '', , signature = ''] = token.split('.');
      const forged = Buffer.from(JSON.stringify({ sub: 'x', ...lifetime(now, 60) })).toString('base64url');
      assert.equal(readJwt(key, `${head}.${forged}.${signature}`, now), undefined, 'forged');
      assert.equal(readJwt(key, issueJwt(key, { sub: 's' }), now), undefined, 'no lifetime');
    });
  }

  it('takes no text for a token that is none', () => {
    for (const text of ['', 'a', 'a.b', 'a.b.c', 'e30.e30', 'e30.e30.x.y', 'e30.W10.x']) assert.equal(decodeJwt(text), undefined, text);
    assert.deepEqual(decodeJwt('e30.e30.')?.claims, {});
  });

  it('tolerates a skew at both ends', () => {
    const jwt = decodeJwt(issueJwt(published, lifetime(now, 60)));
    assert.ok(jwt);
    assert.deepEqual([-6, -5, 64, 65].map((seconds) => isAlive(jwt, later(seconds), 5)), [false, true, true, false]);
  });
});

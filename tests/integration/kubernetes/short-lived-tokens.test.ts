import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenCache } from '../../../tasks/_shared/azure/token-cache.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { helmOf } from '../../tools/kube-tools.js';
import { writeFiles } from '../../tools/write-files.js';
import { chartShapes } from '../../unit/kubernetes/chart-shapes.js';
import { deployRelease, told } from '../../unit/kubernetes/release-world.js';
import { real, startBackend, type Backend } from './backend.js';

const lifeMs = 90_000;
/** How long the pods take to become ready: several lives of a token. Milliseconds. */
const rolloutMs = 260_000;
const plain = chartShapes.find(({ title }) => title === 'a service account without annotations') ?? assert.fail();

/** Tokens that the API server accepts for 90 s, and for the ten more that it remembers an answer. */
class ShortLived {
  readonly #expiry = new Map<string, number>();
  /** How often a token was refused that had been good before. */
  refused = 0;

  issue(): { token: string; expiresOnTimestamp: number } {
    const token = randomUUID();
    const expiresOnTimestamp = Date.now() + lifeMs;
    this.#expiry.set(token, expiresOnTimestamp);
    return { token, expiresOnTimestamp };
  }

  accepts(authorization: string): boolean {
    const expiry = this.#expiry.get(authorization.replace(/^Bearer /, ''));
    if (expiry === undefined) return false;
    if (Date.now() < expiry) return true;
    this.refused += 1;
    return false;
  }

  get issued(): number {
    return this.#expiry.size;
  }
}

// Four minutes of waiting: only where the real API server is, by npm run test:kube.
if (real) {
  describe('a rollout that outlives several tokens of 90 seconds', () => {
    let backend: Backend;
    let folder: string;
    const tokens = new ShortLived();
    before(async () => {
      backend = await startBackend((authorization) => tokens.accepts(authorization));
      folder = await mkdtemp(join(tmpdir(), 'aks-wi-chart-'));
      await writeFiles(folder, plain.files);
    });
    after(async () => {
      await backend.stop();
      await rm(folder, { recursive: true });
    });

    it('is brought to its end by helm 3 and helm 4, side by side', async function () {
      this.timeout(420_000);
      const started = performance.now();
      const runs = await Promise.all(([3, 4] as const).map(async (major) => {
        const cache = new TokenCache(systemClock());
        const cluster = await backend.cluster(async () => (await cache.get('cluster', () => Promise.resolve(tokens.issue()))).token);
        cluster.slowImage(/contoso\/app/, rolloutMs);
        const { result } = await deployRelease(cluster, { helmPath: await helmOf(major), release: 'orders', namespace: cluster.namespace, chart: { folder, valuesFiles: [], values: '' }, timeoutMs: 380_000 });
        await cluster.close();
        return result;
      }));
      for (const result of runs) assert.equal(result.result, 'succeeded', told(result));
      assert.ok(performance.now() - started > 240_000, 'the rollouts were to outlive several tokens');
      assert.ok(tokens.issued > 2 * (rolloutMs / lifeMs), `${tokens.issued} tokens`);
      assert.equal(tokens.refused, 0, 'no request came with a token that had expired');
    });
  });
}

import assert from 'node:assert/strict';
import { HelmRelease } from '../../../tasks/_shared/kubernetes/helm-release.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { ReleaseBlueprint } from '../../../tasks/_shared/kubernetes/release-blueprint.js';
import { newestRevision, untilLabel, type Revision } from '../../../tasks/_shared/kubernetes/release-revisions.js';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import type { Change, Writer } from '../../../tasks/_shared/reconcile/resource.js';
import { strictPolicy } from './send-policies.js';

const now = Date.parse('2026-01-05T08:00:00Z') / 1000;
const { signal } = new AbortController();
const nobody = (): Promise<never> => Promise.reject(new Error('nobody is asked'));

const known = { namespace: 'orders', clientId: 'c', tenantId: 't', serviceAccount: 'api' };
const refs = { namespace: value('orders'), clientId: value('c'), tenantId: value('t'), serviceAccount: value('api') };

/** The release orders-api of the demo's chart. */
function releaseOn(connection: ClusterConnection, timeoutMs: number, clock = new VirtualClock()): HelmRelease {
  const chart = { folder: 'tests/fixtures/contoso/charts/orders-api', valuesFiles: [], values: '' };
  const place = { release: 'orders-api', namespace: 'orders', serviceAccount: 'api' };
  return new HelmRelease(new ReleaseBlueprint({ connection, clock, signal, helmPath: 'helm', chart, identityMode: 'inject', policy: strictPolicy, atomic: false, timeoutMs, ...place }), refs, []);
}

/** What a release with a minute's time-out plans when it finds a revision: the action, or the code of what blocks it. */
function verdict(revision: Revision): string {
  const chart = { workloads: [], users: [], pods: [], makesServiceAccount: true, kinds: [], faults: [], notices: [], roles: new Map(), widening: [], templates: [], accountLoses: false, removed: [] };
  const observed = { chart, digest: 'd', content: 'c', widening: [], revision, without: undefined, begun: undefined, removed: [], own: false, workloads: [], serviceAccount: undefined, nowMs: now * 1000 };
  const change = releaseOn(clusterWith([]), 60_000).plan(observed, known);
  return change.action === 'blocked' ? change.problem.code : change.action;
}

/** A cluster that has these Helm revisions and answers nothing else. */
function clusterWith(labels: readonly Readonly<Record<string, string>>[]): ClusterConnection {
  const list = (): ReturnType<ClusterConnection['list']> =>
    Promise.resolve(labels.map((one) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `sh.helm.release.v1.orders-api.v${one.version ?? ''}`, labels: { owner: 'helm', ...one } } })));
  return { ...lazyConnection('aks-1', '/aks-1', nobody), list };
}

const revisionOf = async (labels: Readonly<Record<string, string>>): Promise<Revision> => {
  const found = await newestRevision(clusterWith([labels]), 'orders', 'orders-api');
  assert.ok(found !== undefined);
  return found;
};

describe('revisions of a release', () => {
  it('say until when our helm may work on them', async () => {
    const label = untilLabel(8, (now + 60) * 1000);
    assert.equal(label, `8.${now + 60}`);
    const { untilMs, digest, content } = await revisionOf({ version: '8', status: 'pending-upgrade', 'aks-workload-identity/until': label, 'aks-workload-identity/digest': 'd', 'aks-workload-identity/content': 'c' });
    assert.deepEqual([untilMs, digest, content], [(now + 60) * 1000, 'd', 'c']);
  });

  it('say nothing of it where Helm handed the label on from an earlier revision, or it is of another form', async () => {
    for (const label of [`7.${now}`, String(now), '8.', '8.x', '']) assert.equal((await revisionOf({ version: '8', status: 'pending-upgrade', 'aks-workload-identity/until': label })).untilMs, undefined, label);
  });

  it('of somebody else are left alone while they are young, inherited label or not', async () => {
    const inherited = `7.${now - 86_400}`;
    assert.equal(verdict(await revisionOf({ version: '8', status: 'pending-upgrade', createdAt: String(now - 5), 'aks-workload-identity/until': inherited })), 'WI4208');
    assert.equal(verdict(await revisionOf({ version: '8', status: 'pending-upgrade', createdAt: String(now - 86_400), 'aks-workload-identity/until': inherited })), 'update');
    assert.equal(verdict(await revisionOf({ version: '8', status: 'pending-upgrade', createdAt: String(now - 5), 'aks-workload-identity/until': `8.${now + 60}` })), 'update');
  });
});

describe('a helm that takes too long', () => {
  it('is stopped before the time that its release promises', async () => {
    const clock = new VirtualClock('2026-01-05T08:00:00Z');
    let line: readonly unknown[] = [];
    let stoppedAt = 0;
    const connection: ClusterConnection = {
      ...clusterWith([]),
      helm: (given, options) => given[0] === 'version' ? Promise.resolve('v4.1.4') :
        new Promise((_, reject) => {
          line = given;
          options.signal.addEventListener('abort', () => {
            stoppedAt = clock.now().getTime() / 1000;
            reject(new Error('stopped'));
          });
        }),
    };
    const writer: Writer = { signal, permit: () => undefined, progress: () => undefined, write: (_intent, send) => send(() => undefined) };
    const change: Change = { action: 'create', reason: '', fields: [], widens: false };
    const failure = await releaseOn(connection, 600_000, clock).apply(change, known, writer).then(() => undefined, (error: unknown) => error);
    assert.ok(failure instanceof Problem);
    assert.deepEqual([failure.code, failure.parts.because], ['WI4209', 'helm with all its hooks did not end within 645 s, and was stopped']);
    const until = Number(/until=1\.(\d+)/.exec(line.join(' '))?.[1]);
    assert.equal(until, now + 660);
    assert.equal(until - stoppedAt, 15);
  });
});

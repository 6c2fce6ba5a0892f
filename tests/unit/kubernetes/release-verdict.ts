import { HelmRelease } from '../../../tasks/_shared/kubernetes/helm-release.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { ReleaseBlueprint } from '../../../tasks/_shared/kubernetes/release-blueprint.js';
import type { Revision } from '../../../tasks/_shared/kubernetes/release-revisions.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

/** What a release with a minute's time-out plans when it finds this revision: the action, or the code of what blocks it. */
export function verdict(revision: Revision, nowSeconds: number): string {
  const connection = lazyConnection('aks-1', '/aks-1', () => Promise.reject(new Error('nobody is asked')));
  const chart = { folder: 'chart', valuesFiles: [], values: '' };
  const place = { release: 'orders-api', namespace: 'orders', serviceAccount: 'api', timeoutMs: 60_000 };
  const settings = { connection, clock: new VirtualClock(), signal: new AbortController().signal, helmPath: 'helm', chart, ...place };
  const known = { namespace: 'orders', clientId: 'c', tenantId: 't', serviceAccount: 'api' };
  const refs = { namespace: value('orders'), clientId: value('c'), tenantId: value('t'), serviceAccount: value('api') };
  const rendered = { workloads: [], users: [], makesServiceAccount: true, kinds: [], faults: [] };
  const observed = { chart: rendered, digest: 'd', content: 'c', revision, workloads: [], serviceAccount: undefined, nowMs: nowSeconds * 1000 };
  const change = new HelmRelease(new ReleaseBlueprint(settings), refs).plan(observed, known);
  return change.action === 'blocked' ? change.problem.code : change.action;
}

import assert from 'node:assert/strict';
import { AdminUser, type Inquiry } from '../../../tasks/_shared/azure/registry-admin.js';
import type { ConsumerReport } from '../../../tasks/_shared/fleet/consumer-report.js';
import type { Change } from '../../../tasks/_shared/reconcile/resource.js';
import { group, Rig, subscriptionId } from './azure-world.js';

const registry = { id: `${group}/providers/Microsoft.ContainerRegistry/registries/crunit`, subscriptionId, resourceGroup: 'rg-dev', type: 'Microsoft.ContainerRegistry/registries', name: 'crunit' };

describe('the admin user of a registry that a fleet signs in to', () => {
  const disabling = async (clusters: number, force: boolean): Promise<Change> => {
    const rig = await Rig.start();
    const reports = Array.from({ length: clusters }, (_, index): ConsumerReport => ({ place: `aks-${index + 1}`, consumers: ['orders/secret/acr: signs in with it'] }));
    const inquiries = reports.map(({ place }): Inquiry => ({ key: place, observe: () => Promise.resolve(undefined), reads: () => [] }));
    const account = new AdminUser(await rig.connect(), { registry, wish: 'disable', force, inquiries, proofs: [], first: [] });
    return account.plan({ enabled: true }, Object.fromEntries(reports.map((report, index) => [`report ${index}`, report])));
  };

  it('names the first clusters, and how many more there are', async () => {
    const refused = await disabling(1000, false);
    assert.ok(refused.action === 'blocked');
    assert.match(refused.problem.because, /^consumers remain or are unknown: aks-1: 1 consumer: .* · aks-5: 1 consumer: orders\/secret\/acr: signs in with it · and 995 more$/);
    const forced = await disabling(1000, true);
    assert.ok(forced.action === 'update');
    assert.match(forced.reason, /^forced, though aks-1: .* · and 995 more$/);
    assert.match(forced.fields.at(-1)?.after ?? '', /^aks-1 orders\/secret\/acr: signs in with it; .*aks-5 [^;]*; and 995 more$/);
  });

  it('names them all where they are few', async () => {
    const refused = await disabling(5, false);
    assert.ok(refused.action === 'blocked' && refused.problem.because.endsWith('aks-5: 1 consumer: orders/secret/acr: signs in with it'));
  });
});

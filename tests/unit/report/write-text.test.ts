import assert from 'node:assert/strict';
import type { JournalEntry } from '../../../tasks/_shared/reconcile/ports.js';
import type { JournalLine } from '../../../tasks/_shared/report/ledger.js';
import { unfinishedText, writeLine } from '../../../tasks/_shared/report/write-text.js';

const group = '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-dev/providers';

function entry(object: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return { action: 'create', object, resource: object, at: '2026-01-05T08:00:00.000Z', widens: false, ...more };
}

describe('writes in the log', () => {
  const objects: [object: string, cluster: string | undefined, line: string][] = [
    [`${group}/Microsoft.ContainerService/managedClusters/aks-1`, 'aks-1', 'create cluster aks-1 in rg-dev'],
    [`${group.replace('resourceGroups', 'resourcegroups')}/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders`, undefined, 'create identity id-orders in rg-dev'],
    [`${group}/Microsoft.ManagedIdentity/userAssignedIdentities/id/federatedIdentityCredentials/wi`, 'aks-1', 'create federated credential wi of identity id in rg-dev for aks-1'],
    [`${group}/Microsoft.KeyVault/vaults/kv/secrets/db/providers/Microsoft.Authorization/roleAssignments/7`, undefined, 'create role assignment 7 on secret db of vault kv in rg-dev'],
    [`${group}/Microsoft.Other/things/x`, undefined, 'create things x in rg-dev'],
    ['/api/v1/namespaces/orders', 'aks-1', 'create namespace orders on aks-1'],
    ['/api/v1/namespaces/orders/serviceaccounts/api', 'aks-1', 'create service account orders/api on aks-1'],
    ['/apis/apps/v1/namespaces/orders/deployments/api', 'aks-1', 'create deployments orders/api on aks-1'],
    ['helm release orders/api', 'aks-1', 'create helm release orders/api on aks-1'],
  ];
  for (const [object, cluster, line] of objects) {
    it(`says ${line}`, () => assert.equal(writeLine(entry(object, cluster === undefined ? {} : { cluster })), `  write    ${line}`));
  }

  it('tells of each open write what goes on without the run, and nothing of those that ended', () => {
    const cluster = entry(`${group}/Microsoft.ContainerService/managedClusters/aks-1`, { cluster: 'aks-1', action: 'update' });
    const helm = entry('helm release orders/api', { cluster: 'aks-1' });
    const sent = entry('/api/v1/namespaces/orders', { cluster: 'aks-1' });
    const ended = entry('/api/v1/namespaces/other', { cluster: 'aks-1' });
    const phase = (one: JournalEntry, name: JournalLine['phase']): JournalLine => ({ version: 1, phase: name, entry: one });
    const journal = [cluster, helm, sent, ended].map((one) => phase(one, 'intended'));
    assert.deepEqual(unfinishedText([...journal, phase(cluster, 'accepted'), phase(ended, 'accepted'), phase(ended, 'done')]), [
      '',
      'Unfinished writes',
      '  update cluster aks-1 in rg-dev: Azure has accepted it and goes on with it without this run',
      '  create helm release orders/api on aks-1: helm had not ended; its release may be left pending, and the next run takes it over when helm’s time is up',
      '  create namespace orders on aks-1: it was sent and no answer came, so it may have been made or not',
      'Nothing is rolled back. Run again: the next run goes on from what it finds.',
    ]);
    assert.deepEqual(unfinishedText([phase(ended, 'intended'), phase(ended, 'failed')]), []);
  });
});

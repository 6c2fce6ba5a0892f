import assert from 'node:assert/strict';
import bootstrapRoles from '../../../templates/bootstrap/roles.json' with { type: 'json' };
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { bootstrappedRig, rightsSteps } from '../../fleet/bootstrapped-rig.js';
import type { Rig } from '../azure/azure-world.js';

/** Takes one action, or data action, out of whatever gives it. */
function without(rig: Rig, action: string): void {
  for (const definition of rig.world.roles.definitions()) {
    rig.world.roles.define({ ...definition, notActions: [...definition.notActions, action], notDataActions: [...definition.notDataActions, action] });
  }
}

/** What preflight found, before the first write: each stops what depends on it. */
function foundBefore({ preflight }: RunResult): string {
  return preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}: ${problem.because}; ${problem.remedy}`).join('\n');
}

/** Everything that a run said of what stood in its way. */
function problemsOf(result: RunResult): string {
  const applied = result.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  const proofs = result.proofs.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  return [...result.preflight.findings.map(({ problem }) => problem), ...applied, ...proofs].map(({ code, what, because }) => `${code} ${what}: ${because}`).join('\n');
}

const managed = 'Microsoft.ContainerService/managedClusters';
/** Rights in the cluster, and as what Kubernetes names them. */
const inCluster: Readonly<Record<string, RegExp>> = {
  [`${managed}/namespaces/read`]: /namespaces/,
  [`${managed}/namespaces/write`]: /lacks .*(create|patch) namespaces at/,
  [`${managed}/serviceaccounts/read`]: /serviceaccounts/,
  [`${managed}/serviceaccounts/write`]: /lacks .*(create|patch) serviceaccounts at/,
};
const hierarchyRight = 'Microsoft.Management/managementGroups/read';
const { obstacles, auditor, policyReader, ...given } = bootstrapRoles.custom;
const needed = [...Object.values(given).flatMap(({ actions }) => actions), 'Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete'];

/** Azure may refuse the list of what a connection sees. The right to read management groups is for those who meet that. */
function refuseEntities({ network }: Rig): void {
  network.faults.plant({ service: 'arm', path: /getEntities/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no list for you' } } } });
}

/** Runs everything, there and back. */
async function everythingPasses(rig: Rig, judge: (result: RunResult, name: string) => void = () => undefined): Promise<void> {
  for (const { name, run } of rightsSteps) {
    const result = await run(rig);
    assert.deepEqual([name, result.result, problemsOf(result)], [name, 'succeeded', '']);
    assert.equal(rig.world.arm.identities.all().length, ['enable', 'audit logs', 'withdraw'].includes(name) ? 0 : 1, name);
    assert.ok(name === 'report admin user' || result.plan.some(({ change }) => writes(change)), `${name} had nothing to write`);
    judge(result, name);
  }
}

describe('the rights of the bootstrap', function () {
  this.timeout(60_000);

  it('are enough for all tasks, there and back', async () => everythingPasses(await bootstrappedRig()));

  it('are enough where Azure refuses the list of management groups', async () => {
    const rig = await bootstrappedRig();
    refuseEntities(rig);
    await everythingPasses(rig);
  });

  it('are looked at one by one', () => assert.ok(new Set(needed).size >= 17, needed.join('\n')));

  it('give no other task what the audit alone reads: audit-rights.test.ts', () => {
    const audited = [...auditor.actions, ...policyReader.actions].filter((action) => !needed.includes(action));
    assert.deepEqual(audited, ['policyAssignments', 'policyExemptions', 'policyDefinitions', 'policySetDefinitions'].map((kind) => `Microsoft.Authorization/${kind}/read`));
  });

  for (const action of [...new Set(needed), ...Object.keys(inCluster)]) {
    const pattern = inCluster[action] ?? new RegExp(action.replace(/[.*]/g, '\\$&'));
    it(`without ${action} are found before the first write, by name`, async () => {
      const rig = await bootstrappedRig();
      if (action === hierarchyRight) refuseEntities(rig);
      without(rig, action);
      // Without its credential a cluster says nothing; what lacks in Azure is found all the same.
      rig.unanswered = () => [];
      for (const { name, run } of rightsSteps) {
        const result = await run(rig);
        if (result.result === 'succeeded') continue;
        assert.match(foundBefore(result), pattern, `${name}: ${problemsOf(result)}`);
        assert.deepEqual(result.applied.filter(({ outcome }) => outcome.result === 'failed').map(({ resource, outcome }) => [resource.key, outcome]), [], `${name}: a write was tried in vain`);
        return;
      }
      assert.fail('nothing was missing');
    });
  }

  it('let preflight look for what would refuse a write, if that is asked for', async () => {
    const evaluated = (result: RunResult, name: string): void => assert.deepEqual(result.preflight.notes.filter((note) => note.includes('not evaluated')), [], name);
    await everythingPasses(await bootstrappedRig({ findObstacles: true }), evaluated);
  });

  const notes: Readonly<Record<string, RegExp>> = {
    'Microsoft.Authorization/denyAssignments/read': /not evaluated: deny assignments at \d of \d/,
    'Microsoft.Authorization/locks/read': /not evaluated: .*locks at \d of \d/,
    'Microsoft.PolicyInsights/checkPolicyRestrictions/read': /not evaluated: .*policies in rg-id/,
  };

  it('say at what they did not look otherwise', async () => {
    assert.deepEqual(Object.keys(notes), obstacles.actions);
    const said: string[] = [];
    await everythingPasses(await bootstrappedRig(), ({ preflight }) => said.push(...preflight.notes));
    for (const note of Object.values(notes)) assert.ok(said.some((one) => note.test(one)), said.join('\n'));
  });
});

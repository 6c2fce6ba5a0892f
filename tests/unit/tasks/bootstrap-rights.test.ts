import assert from 'node:assert/strict';
import bootstrapRoles from '../../../templates/bootstrap/roles.json' with { type: 'json' };
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
  return preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}: ${problem.because}`).join('\n');
}

/** Everything that a run said of what stood in its way. */
function problemsOf(result: RunResult): string {
  const applied = result.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  const proofs = result.proofs.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  return [...result.preflight.findings.map(({ problem }) => problem), ...applied, ...proofs].map(({ code, what, because }) => `${code} ${what}: ${because}`).join('\n');
}

const managed = 'Microsoft.ContainerService/managedClusters';
/** Rights that only look for what might stand in the way: without them a run says what it could not evaluate, and goes on. */
const looks: Readonly<Record<string, RegExp>> = {
  'Microsoft.Authorization/denyAssignments/read': /not evaluated: deny assignments at \d of \d/,
  'Microsoft.Authorization/locks/read': /not evaluated: .*locks at \d of \d/,
  'Microsoft.PolicyInsights/checkPolicyRestrictions/read': /not evaluated: .*policies in rg-id/,
};
/** Rights of inputs that these steps do not have: boundaries, access policies, the admin user. */
const elsewhere = ['Microsoft.Management/managementGroups/read', 'Microsoft.Resources/subscriptions/read', 'Microsoft.KeyVault/vaults/accessPolicies/write', 'Microsoft.ContainerRegistry/registries/write'];
/** Rights in the cluster, and as what Kubernetes names them. */
const inCluster: Readonly<Record<string, RegExp>> = {
  [`${managed}/namespaces/read`]: /namespaces/,
  [`${managed}/namespaces/write`]: /lacks .*(create|patch) namespaces at/,
  [`${managed}/serviceaccounts/read`]: /serviceaccounts/,
  [`${managed}/serviceaccounts/write`]: /lacks .*(create|patch) serviceaccounts at/,
};

describe('the rights of the bootstrap', function () {
  this.timeout(60_000);

  it('are enough for all tasks, there and back', async () => {
    const rig = await bootstrappedRig();
    for (const { name, run } of rightsSteps) {
      const result = await run(rig);
      assert.deepEqual([name, result.result, problemsOf(result)], [name, 'succeeded', '']);
      assert.deepEqual(result.preflight.notes.filter((note) => note.includes('not evaluated')), [], name);
      assert.equal(rig.world.arm.identities.all().length, name === 'enable' || name === 'withdraw' ? 0 : 1, name);
    }
  });

  const custom = Object.values(bootstrapRoles.custom).flatMap(({ actions }) => actions);
  const needed = [...new Set([...custom, 'Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete'])].filter((action) => !elsewhere.includes(action));

  it('are looked at one by one', () => assert.ok(needed.length >= 18));

  for (const action of [...needed, ...Object.keys(inCluster)]) {
    const pattern = inCluster[action] ?? new RegExp(action.replace(/[.*]/g, '\\$&'));
    it(`without ${action} ${action in looks ? 'tell what is not evaluated' : 'are found before the first write, by name'}`, async () => {
      const rig = await bootstrappedRig();
      without(rig, action);
      for (const { name, run } of rightsSteps) {
        rig.network.log.clear();
        const result = await run(rig);
        const look = looks[action];
        if (look !== undefined) {
          assert.equal(result.result, 'succeeded', problemsOf(result));
          if (result.preflight.notes.some((note) => look.test(note))) return;
        } else if (result.result !== 'succeeded') {
          assert.match(foundBefore(result), pattern, `${name}: ${problemsOf(result)}`);
          assert.deepEqual(result.applied.filter(({ outcome }) => outcome.result === 'failed').map(({ resource, outcome }) => [resource.key, outcome]), [], `${name}: a write was tried in vain`);
          return;
        }
      }
      assert.fail('nothing was missing');
    });
  }
});

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
  return preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}: ${problem.because}`).join('\n');
}

/** Everything that a run said of what stood in its way. */
function problemsOf(result: RunResult): string {
  const applied = result.applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  const proofs = result.proofs.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []));
  return [...result.preflight.findings.map(({ problem }) => problem), ...applied, ...proofs].map(({ code, what, because }) => `${code} ${what}: ${because}`).join('\n');
}

const managed = 'Microsoft.ContainerService/managedClusters';
/** What a run says without rights that only look for what might stand in its way. */
const notes: Readonly<Record<string, RegExp>> = {
  'Microsoft.Authorization/denyAssignments/read': /not evaluated: deny assignments at \d of \d/,
  'Microsoft.Authorization/locks/read': /not evaluated: .*locks at \d of \d/,
  'Microsoft.PolicyInsights/checkPolicyRestrictions/read': /not evaluated: .*policies in rg-id/,
};
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
      assert.ok(name === 'report admin user' || result.plan.some(({ change }) => writes(change)), `${name} had nothing to write`);
    }
  });

  const custom = Object.values(bootstrapRoles.custom).flatMap(({ actions }) => actions);
  const optional = Object.keys(bootstrapRoles.optional);
  const needed = [...new Set([...custom, 'Microsoft.Authorization/roleAssignments/write', 'Microsoft.Authorization/roleAssignments/delete'])].filter((action) => !optional.includes(action));

  it('are looked at one by one', () => assert.deepEqual([needed.length >= 17, optional.filter((action) => !custom.includes(action))], [true, []]));

  for (const action of [...needed, ...Object.keys(inCluster)]) {
    const pattern = inCluster[action] ?? new RegExp(action.replace(/[.*]/g, '\\$&'));
    it(`without ${action} are found before the first write, by name`, async () => {
      const rig = await bootstrappedRig();
      without(rig, action);
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

  for (const action of optional) {
    it(`without ${action}, which is optional, do everything${action in notes ? ' and say what was not evaluated' : ''}`, async () => {
      const rig = await bootstrappedRig();
      without(rig, action);
      const said: string[] = [];
      for (const { name, run } of rightsSteps) {
        const result = await run(rig);
        assert.deepEqual([name, result.result], [name, 'succeeded'], problemsOf(result));
        said.push(...result.preflight.notes);
      }
      const note = notes[action];
      if (note !== undefined) assert.ok(said.some((one) => note.test(one)), said.join('\n'));
    });
  }

  it('place objects without the list of management groups, unless the right to read them is missing: then it is named', async () => {
    const [federate] = rightsSteps.slice(1);
    assert.ok(federate !== undefined);
    for (const lacking of [false, true]) {
      const rig = await bootstrappedRig();
      await rightsSteps[0]?.run(rig);
      rig.network.faults.plant({ service: 'arm', path: /getEntities/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no list for you' } } } });
      if (lacking) without(rig, 'Microsoft.Management/managementGroups/read');
      rig.network.log.clear();
      const result = await federate.run(rig);
      const codes = [...new Set(result.preflight.findings.map(({ problem }) => problem.code))];
      assert.deepEqual([result.result, codes], lacking ? ['failed', ['WI3113']] : ['succeeded', []], problemsOf(result));
      if (!lacking) continue;
      assert.deepEqual(rig.writes(), []);
      assert.match(result.preflight.findings[0]?.problem.remedy ?? '', /Microsoft\.Management\/managementGroups\/read/);
    }
  });
});

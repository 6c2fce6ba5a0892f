import assert from 'node:assert/strict';
import { clusterRules } from '../../../tasks/_shared/fleet/posture/cluster-rules.js';
import { severities, type ClusterFacts, type Outcome } from '../../../tasks/_shared/fleet/posture/rule.js';
import { alwaysApply, cases, mutations } from './cluster-rule-cases.js';
import { changed, leaves, soundCluster, type Change } from './sound-cluster.js';
import { writtenSources } from './written-procedures.js';

const ids = clusterRules.map(({ id }) => id);
const told = (value: unknown): string => (value === undefined ? 'absent' : JSON.stringify(value).slice(0, 120));
const valuesOf = (change: Change): string => Object.entries(change).map(([path, value]) => `${path} = ${told(value)}`).join(', ') || 'all is well';
const judge = (id: string, facts: ClusterFacts): Outcome => clusterRules.find((rule) => rule.id === id)!.judge(facts).outcome;

describe('posture: rules over clusters', () => {
  for (const rule of clusterRules) {
    for (const [outcome, change, evidence] of cases[rule.id] ?? []) {
      it(`${rule.id} is ${outcome} where ${valuesOf(change)}`, () => {
        const found = rule.judge(changed(soundCluster, change));
        assert.equal(found.outcome, outcome, found.evidence);
        assert.match(found.evidence, evidence);
      });
    }
  }

  it('have a passing, a failing and a not-applicable case each, or a reason why they always apply', () => {
    assert.deepEqual(Object.keys(cases).sort(), [...ids].sort());
    assert.deepEqual(Object.keys(alwaysApply).filter((id) => !ids.includes(id)), []);
    for (const id of ids) {
      const outcomes = new Set((cases[id] ?? []).map(([outcome]) => outcome));
      assert.deepEqual([outcomes.has('pass'), outcomes.has('fail')], [true, true], id);
      assert.equal(outcomes.has('notApplicable'), alwaysApply[id] === undefined, id);
    }
  });

  it('judge a cluster of which ARM tells nothing without failing themselves, and pass only what is bad when present', () => {
    const empty: ClusterFacts = { ...soundCluster, raw: {}, diagnosticSettings: { found: [] }, policyAssignments: { found: [] }, grants: { found: [], unread: [] } };
    assert.deepEqual(ids.filter((id) => judge(id, empty) === 'pass'), ['cluster-pod-identity']);
  });

  it('tell nothing where what they need was not read', () => {
    const unknown = (fact: string, value: object): string[] => ids.filter((id) => judge(id, changed(soundCluster, { [fact]: value })) === 'unknown');
    assert.deepEqual(unknown('grants', { found: [], unread: ['no right'] }), ['cluster-kubelet-pull', 'cluster-kubelet-nothing-else', 'cluster-add-on-roles']);
    assert.deepEqual(unknown('diagnosticSettings', { unread: 'no right' }), ['cluster-audit-logs']);
    assert.deepEqual(unknown('policyAssignments', { unread: 'no right' }), ['cluster-rbac-policy']);
  });
});

describe('posture: what rules over clusters say of themselves', () => {
  it('have ids of their own, in kebab case', () => {
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^cluster(-[a-z]+)+$/);
  });

  it('come from a section of a written procedure', () => {
    for (const { id, source } of clusterRules) {
      assert.notEqual(source.length, 0, id);
      assert.deepEqual(source.filter((one) => !writtenSources.includes(one)), [], id);
    }
  });

  it('have a title without a full stop, a severity, and a remedy that names a command or the input that mends it', () => {
    for (const { id, title, severity, remedy, mendedBy } of clusterRules) {
      assert.match(title, /^\S.*[^.\s]$/, id);
      assert.ok(severities.includes(severity), id);
      assert.match(remedy, /\baz [a-z]/, id);
      if (mendedBy !== undefined) assert.match(remedy, new RegExp(`EnableWorkloadIdentity .*\`${mendedBy}[:\`]`), id);
    }
  });

  it('are mended by these inputs of EnableWorkloadIdentity', () => {
    const inputs = clusterRules.flatMap(({ id, mendedBy }) => (mendedBy === undefined ? [] : [[id, mendedBy]]));
    assert.deepEqual(Object.fromEntries(inputs), {
      'cluster-oidc-issuer': 'clusters',
      'cluster-workload-identity': 'clusters',
      'cluster-pod-identity': 'removePodIdentity',
      'cluster-key-vault-csi': 'keyVaultSecretsProvider',
      'cluster-azure-policy-add-on': 'azurePolicyAddOn',
      'cluster-audit-logs': 'auditWorkspace',
    });
  });

  it('name dependants that exist, sorted and without themselves', () => {
    for (const { id, dependants } of clusterRules) {
      assert.deepEqual(dependants.filter((other) => !ids.includes(other) || other === id), [], id);
      assert.deepEqual([...dependants].sort(), dependants, id);
    }
  });
});

const outcomes = (facts: ClusterFacts): ReadonlyMap<string, Outcome> => new Map(clusterRules.map((rule) => [rule.id, rule.judge(facts).outcome]));
const changedBy = (facts: ClusterFacts, change: Change): string[] => {
  const before = outcomes(facts);
  const after = outcomes(changed(facts, change));
  return ids.filter((id) => before.get(id) !== after.get(id)).sort();
};

describe('posture: mutations of one property', () => {
  it('begin at a cluster on which every rule passes', () => assert.deepEqual([...outcomes(soundCluster)].filter(([, outcome]) => outcome !== 'pass'), []));

  for (const [rule, path, value, alsoChange = [], before = {}] of mutations) {
    it(`${path} = ${told(value)} flips ${[rule, ...alsoChange].join(', ')} and nothing else`, () => {
      assert.deepEqual(changedBy(changed(soundCluster, before), { [path]: value }), [rule, ...alsoChange].sort());
    });
  }

  it('flip every rule, and show every declared dependant and no other', () => {
    for (const { id, dependants } of clusterRules) {
      const own = mutations.filter(([rule]) => rule === id);
      assert.notEqual(own.length, 0, id);
      assert.deepEqual([...new Set(own.flatMap(([, , , alsoChange = []]) => alsoChange))].sort(), dependants, id);
    }
  });

  it('of any value that ARM answers flip one rule and its declared dependants at most', () => {
    for (const path of leaves(soundCluster.raw, 'raw')) {
      for (const value of [undefined, null, false, true, 'other', []]) {
        const flipped = changedBy(soundCluster, { [path]: value });
        const explained = flipped.length === 0 || clusterRules.some(({ id, dependants }) => flipped.includes(id) && flipped.every((other) => other === id || dependants.includes(other)));
        assert.ok(explained, `${path} = ${told(value)} flips ${flipped.join(', ')}`);
      }
    }
  });
});

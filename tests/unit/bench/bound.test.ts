import assert from 'node:assert/strict';
import { bound, type Bucket, type Step } from '../../../bench/bound.js';
import { necessarySteps } from '../../../bench/necessary.js';
import { measured, targets } from '../../../bench/targets.js';
import { Fleet } from '../../fleet/fleet.js';

const step = (name: string, takes: number, after: string[] = [], buckets: Bucket[] = []): Step => ({ name, takes, after, buckets });
const slow: Bucket = { key: 'slow', burst: 2, perSecond: 1 };

describe('the bound that runs are measured against', () => {
  const cases: readonly [string, readonly Step[], number][] = [
    ['nothing takes no time', [], 0],
    ['a chain takes the sum', [step('a', 10), step('b', 20, ['a']), step('c', 30, ['b'])], 60],
    ['side by side, the longest chain counts', [step('a', 10), step('b', 20, ['a']), step('c', 25, ['a']), step('d', 1, ['b', 'c'])], 36],
    ['a bucket lets its burst pass at once', [step('a', 10, [], [slow]), step('b', 10, [], [slow])], 10],
    ['and the rest at its rate', [1, 2, 3, 4, 5].map((n) => step(`s${n}`, 10, [], [slow])), 3_010],
    ['from the moment at which they can begin', [step('first', 500), ...[1, 2, 3].map((n) => step(`s${n}`, 10, ['first'], [slow]))], 1_510],
    ['with what follows the last of them', [...[1, 2, 3].map((n) => step(`s${n}`, 10, [], [slow])), ...[1, 2, 3].map((n) => step(`t${n}`, 700, [`s${n}`]))], 1_710],
    ['and buckets that are never short change nothing', [1, 2, 3].map((n) => step(`s${n}`, 10, [], [{ key: 'wide', burst: 100, perSecond: 1 }])), 10],
    // Those that begin late may be fewer than all, and still decide: 3 from t = 5 s on, after a bucket that was idle until then.
    ['the worst set of steps decides', [step('early', 10, [], [slow]), step('late', 5_000), ...[1, 2, 3].map((n) => step(`s${n}`, 10, ['late'], [slow]))], 6_010],
  ];
  for (const [title, steps, expected] of cases) it(title, () => assert.equal(bound(steps), expected));

  it('refuses steps that are not there or go in a circle', () => {
    assert.throws(() => bound([step('a', 1, ['b'])]), /a refers to b, which is no step/);
    assert.throws(() => bound([step('a', 1, ['b']), step('b', 1, ['a'])]), /comes after itself/);
  });

  it('counts by hand for one bare cluster: sign in 60, read 80, write 250, update 20 000, look 80, rehearse a pod 20', async () => {
    const fleet = await Fleet.start({ clusters: 1, subscriptions: 1 });
    const enabling = bound(necessarySteps(fleet.rig.world, 'EnableWorkloadIdentity'));
    assert.equal(enabling, 60 + 80 + 250 + 20_000 + 80 + 20);
    const run = await fleet.run('EnableWorkloadIdentity');
    assert.ok(run.wallMs >= enabling, 'nobody is faster than the bound');
    // Sign in, clusters, the way to the cluster, its account; identity, then its credential, which acts 5 s later; exchange, secret.
    assert.equal(bound(necessarySteps(fleet.rig.world, 'FederateServiceAccount')), 60 + 80 + 80 + 20 + 250 + 250 + 5_000 + 60 + 40);
    const federated = await fleet.run('FederateServiceAccount');
    assert.equal(federated.end.result, 'Succeeded');
    fleet.rest();
    assert.equal(bound(necessarySteps(fleet.rig.world, 'EnableWorkloadIdentity')), 60 + 80 + 80 + 20, 'nothing is left but to look, and to rehearse a pod');
    assert.equal(bound(necessarySteps(fleet.rig.world, 'FederateServiceAccount')), 60 + 80 + 80 + 20 + 20 + 60 + 40);
    fleet.close();
  });
});

describe('the targets of the first figures', () => {
  it('are those that were set', () => {
    assert.deepEqual(targets.map(({ name, target, unit }) => `${name}: ${target} ${unit}`), [
      '1 cluster cold: 1.3 × bound',
      '25 clusters cold: 1.3 × bound',
      '25 clusters converged: 1.3 × bound',
      '25 clusters converged, writes: 0 writes',
      '1000 clusters converged, writes: 0 writes',
      '1000 clusters converged, peak RSS: 250 MB',
      '1000 clusters converged, reads of clusters, identities and grants: 0.25 × a read each',
      'start of SelectClusters: 2.5 × node -e 0',
      'start of EnableWorkloadIdentity: 2.5 × node -e 0',
      'start of FederateServiceAccount: 3.5 × node -e 0',
      'start of GrantRegistryRole: 3.5 × node -e 0',
      'start of DeployWithIdentity: 3.5 × node -e 0',
    ]);
  });

  it('pass up to their value, and not beyond', () => {
    assert.deepEqual(['pass' in measured('1 cluster cold', 1.3) && measured('1 cluster cold', 1.3).pass, measured('1 cluster cold', 1.301).pass], [true, false]);
    assert.equal(measured('25 clusters converged, writes', 1).pass, false);
    assert.throws(() => measured('2 clusters', 1), /no target/);
  });
});

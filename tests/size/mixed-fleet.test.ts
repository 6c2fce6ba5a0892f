import assert from 'node:assert/strict';
import type { ProblemParts } from '../../tasks/_shared/reconcile/problem.js';
import { enableWorkloadIdentity } from '../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { Random } from '../tools/random.js';
import { idOf } from '../simulators/azure/directory.js';
import { applyLatencies } from '../simulators/world/latencies.js';
import { Rig } from '../unit/azure/azure-world.js';
import { bareFurniture } from '../fleet/converged.js';

const issuer = { oidcIssuerProfile: { enabled: true } };
const on = { ...issuer, securityProfile: { workloadIdentity: { enabled: true } } };

/** The states that clusters are in, and how each has to end: written and proven, proven as it is, or refused with a code. */
const states = {
  bare: { resource: {}, ends: 'written' },
  'issuer only': { resource: { properties: issuer }, ends: 'written' },
  ready: { resource: { properties: on }, ends: 'kept' },
  stopped: { resource: { properties: { powerState: { code: 'Stopped' } } }, ends: 'WI2102' },
  'stopped and ready': { resource: { properties: { ...on, powerState: { code: 'Stopped' } } }, ends: 'WI2102' },
  deleting: { resource: { properties: { provisioningState: 'Deleting' } }, ends: 'WI2103' },
  failed: { resource: { properties: { provisioningState: 'Failed' } }, ends: 'WI2103' },
  upgrading: { resource: { properties: { provisioningState: 'Upgrading' } }, ends: 'WI2103' },
  old: { resource: { properties: { kubernetesVersion: '1.26.3', currentKubernetesVersion: '1.26.3' } }, ends: 'WI2104' },
  busy: { resource: {}, ends: 'written' },
  'fails at the update': { resource: {}, ends: 'WI2106' },
  'loses a race': { resource: {}, ends: 'written' },
  'etag changes': { resource: {}, ends: 'written' },
  missing: { resource: {}, ends: 'WI2101' },
} as const;
type State = keyof typeof states;
const count = 200;

describe('two hundred clusters in mixed states', function () {
  this.timeout(120_000);

  it('each end as their state says, with twenty at a time and no token bucket overrun; a second run writes nothing', async () => {
    const random = new Random(5);
    const places = Array.from({ length: 4 }, (_, index) => idOf(`mixed subscription ${index + 1}`));
    const rig = await Rig.start(undefined, places);
    const { world, network } = rig;
    rig.unanswered = () => []; // Those that are gone say nothing.
    const fleet: { readonly id: string; readonly name: string; readonly state: State }[] = [];
    for (let index = 0; index < count; index += 1) {
      const state = random.pick(Object.keys(states) as [State, ...State[]]);
      const name = `aks-${String(index + 1).padStart(3, '0')}`;
      const subscriptionId = places[index % places.length] ?? '';
      await world.addCluster({ subscriptionId, group: 'rg-dev', name, location: 'westeurope', resource: states[state].resource }, bareFurniture);
      fleet.push({ id: world.arm.clusters.find(name).id, name, state });
      if (state === 'missing') world.removeCluster(name);
      if (state === 'busy') world.arm.clusters.begin(name, 'update managed cluster', 120_000);
      if (state === 'loses a race') network.faults.plant({ service: 'arm', method: 'PUT', path: new RegExp(`${name}\\?`), times: 1, respond: { status: 409, body: { code: 'EtagMismatch', details: null, message: 'Operation is not allowed: Another operation is in progress', subcode: '' } } });
      if (state === 'etag changes') {
        let reads = 0;
        network.faults.plant({ service: 'arm', method: 'GET', path: new RegExp(`managedClusters/${name}\\?`), then: () => {
          reads += 1;
          if (reads === 1) world.arm.clusters.editPool(name, 'nodepool1', { count: 9 });
        } });
      }
      if (state === 'fails at the update') world.arm.clusters.knobs.failNext.set(name, { code: 'QuotaExceeded', message: 'no cores are left' });
    }
    applyLatencies(world);
    const run = async (): ReturnType<typeof rig.runTask> => rig.runTask(enableWorkloadIdentity, fleet.map(({ id }) => id).join('\n'), {}, { concurrency: 20 });

    const { result } = await run();
    assert.equal(result.result, 'failed');
    const codes = new Map<string, string>();
    const note = (cluster: string | undefined, { code }: ProblemParts): void => void codes.set(cluster ?? '', codes.get(cluster ?? '') ?? code);
    for (const { cluster, problem } of result.preflight.findings) note(cluster, problem);
    for (const { resource, outcome } of result.applied) if ('problem' in outcome) note(resource.cluster, outcome.problem);
    const proven = new Map(result.proofs.map(({ proof, outcome }) => [proof.cluster ?? '', outcome.level]));
    const written = new Set(result.applied.flatMap(({ resource, outcome }) => (outcome.result === 'done' ? [resource.cluster ?? ''] : [])));
    const ended = fleet.map(({ name, state }) => [name, state, proven.get(name) === 'exercised' ? (written.has(name) ? 'written' : 'kept') : (codes.get(name) ?? proven.get(name) ?? '')]);
    assert.deepEqual(ended, fleet.map(({ name, state }) => [name, state, states[state].ends]));
    assert.deepEqual(new Set(fleet.map(({ state }) => state)).size, Object.keys(states).length, 'some state is in no cluster');
    assert.deepEqual(fleet.filter(({ state }) => state === 'etag changes').map(({ name }) => JSON.stringify(world.arm.clusters.find(name).resource.properties.agentPoolProfiles).includes('"count":9')).includes(false), false, 'a pool was scaled back');
    assert.deepEqual(network.log.all().filter(({ status }) => status === 429), [], 'a token bucket was overrun');

    rig.clock.advance(24 * 3600 * 1000);
    network.log.clear();
    const broken = new Set(fleet.filter(({ state }) => state === 'fails at the update').map(({ name }) => name));
    await run();
    assert.deepEqual(rig.writes('arm').filter((line) => !broken.has(line.split('/').at(-1) ?? '')), []);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { selectClusters } from '../../tasks/SelectClusters/select-clusters.js';
import { longestOutput } from '../../tasks/_shared/agent/outputs.js';
import { Fleet, type FleetRun, type FleetTask } from '../fleet/fleet.js';
import { FakeAgent } from '../unit/agent/fake-agent.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapInUse = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

const clusters = 1000;
/** Enough to tell what grows with the fleet from what does not, where each of them is written to, or a run is repeated. */
const some = 250;
/** What a person sees without unfolding anything. */
const longestLog = 40;
/** The service cuts a summary off at a megabyte. */
const longestSummary = 1024 * 1024;

describe('a thousand clusters', function () {
  this.timeout(180_000);
  let fleet: Fleet;
  let selected: FakeAgent;

  before(async () => {
    fleet = await Fleet.start({ clusters, subscriptions: 3, state: 'converged', measured: false });
    selected = new FakeAgent('SelectClusters');
    selected.variables.clusters = fleet.clusterIds.join(',');
    assert.equal((await selectClusters(selected)).result, 'Succeeded');
  });
  after(() => {
    fleet.close();
    selected.dispose();
  });

  const shown = ({ log }: FakeAgent): string[] => log.filter((line) => !line.startsWith('| '));
  const assertFits = (agent: FakeAgent): void => {
    for (const [name, value] of Object.entries(agent.outputs)) assert.ok(Buffer.byteLength(value) <= longestOutput, `${name} has ${value.length} characters`);
    assert.ok(shown(agent).length <= longestLog, `the log shows ${shown(agent).length} lines:\n${shown(agent).slice(0, 60).join('\n')}`);
    assert.ok(agent.errors.length <= longestLog);
    for (const summary of agent.summaries) assert.ok(Buffer.byteLength(summary) < longestSummary, `the summary has ${summary.length} characters`);
  };
  const counted = ({ requests }: FleetRun, path: RegExp): number => requests.filter((request) => request.method === 'GET' && path.test(request.path)).length;
  const run = (task: FleetTask, inputs: Record<string, string> = {}): Promise<FleetRun> => fleet.run(task, { clusters: selected.outputs.clusters ?? '', ...inputs });
  /** The map in an output that is too long for a variable. */
  const mapIn = (value = ''): Record<string, string> => {
    assert.ok(value.startsWith('@'), value.slice(0, 40));
    return JSON.parse(readFileSync(value.slice(1), 'utf8')) as Record<string, string>;
  };

  it('SelectClusters hands them on in a file', () => {
    assertFits(selected);
    assert.equal(selected.outputs.count, String(clusters));
    assert.equal(readFileSync((selected.outputs.clusters ?? '').slice(1), 'utf8').split(',').length, clusters);
  });

  it('EnableWorkloadIdentity takes the file, reads lists, and finds nothing to do', async () => {
    const done = await run('EnableWorkloadIdentity');
    assert.deepEqual([done.end, done.writes.length], [{ result: 'Succeeded', message: '' }, 0]);
    assertFits(done.agent);
    assert.equal(Object.keys(mapIn(done.agent.outputs.issuers)).length, clusters);
    assert.ok(counted(done, /managedClusters/) <= 30, `${counted(done, /managedClusters/)} reads of clusters`);
  });

  it('EnableWorkloadIdentity switches the features on everywhere, its writes folded and its waits in a table', async () => {
    const bare = await Fleet.start({ clusters: some, subscriptions: 3, measured: false });
    const done = await bare.run('EnableWorkloadIdentity');
    assert.deepEqual([done.end, done.writes.length], [{ result: 'Succeeded', message: '' }, some]);
    assertFits(done.agent);
    const told = done.agent.log.filter((line) => line.startsWith('|   write    update cluster '));
    assert.equal(told.length, some);
    const waits = done.agent.log.filter((line) => line.includes('  …      '));
    assert.ok(waits.length < some / 5, `${waits.length} lines about waits`);
    bare.close();
  });

  it('FederateServiceAccount plans them, reading lists where there are lists', async () => {
    const done = await run('FederateServiceAccount', { dryRun: 'true' });
    assert.deepEqual([done.end, done.writes.length], [{ result: 'Succeeded', message: '' }, 0]);
    assertFits(done.agent);
    assert.equal(Object.keys(mapIn(done.agent.outputs.clientIds)).length, clusters);
    assert.ok(counted(done, /managedClusters\?/) <= 30, 'clusters by list');
    assert.ok(counted(done, /userAssignedIdentities(\/[^/]+)?\?/) <= 20, 'identities by list');
    assert.ok(counted(done, /roleAssignments/) <= 30, 'grants by list');
    assert.equal(counted(done, /federatedIdentityCredentials/), clusters, 'one list for each identity: there is none of more');
  });

  it('GrantRegistryRole plans them with lists alone', async () => {
    const done = await run('GrantRegistryRole', { dryRun: 'true' });
    assert.deepEqual([done.end, done.writes.length], [{ result: 'Succeeded', message: '' }, 0]);
    assertFits(done.agent);
    assert.ok(done.requests.length <= 80, `${done.requests.length} requests`);
  });

  it('DeployWithIdentity plans a release on each, one row for all', async () => {
    const done = await run('DeployWithIdentity', { dryRun: 'true' });
    assert.deepEqual([done.end, done.writes.length], [{ result: 'Succeeded', message: '' }, 0]);
    assertFits(done.agent);
    assert.ok(shown(done.agent).some((line) => /^ {2}1000 places {2}\+ 1 .*aks-0001, .*aks-0005 and 995 more$/.test(line)), shown(done.agent).join('\n'));
  });

  it('holds a bounded number of requests at a time, and keeps nothing of a run once it is over', async () => {
    const smaller = await Fleet.start({ clusters: some, subscriptions: 3, state: 'converged', measured: false });
    const { network } = smaller.rig;
    const dispatch = network.dispatch.bind(network);
    let [flying, most] = [0, 0];
    network.dispatch = async (request) => {
      flying += 1;
      most = Math.max(most, flying);
      try {
        return await dispatch(request);
      } finally {
        flying -= 1;
      }
    };
    const kept: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await smaller.run('GrantRegistryRole', { dryRun: 'true' });
      await smaller.run('EnableWorkloadIdentity');
      kept.push(heapInUse());
    }
    smaller.close();
    // Four reads for each of the 25 that `concurrency` allows.
    assert.ok(most > 1 && most <= 100, `${most} requests at a time`);
    // What is kept of a run is kept of each; what a collection has left over for the moment is not.
    const more = Math.min(...kept.slice(2).map((heap, index) => heap - (kept[index + 1] ?? 0)));
    // What the test's own agents remember of a run is less than this.
    assert.ok(more < 3 * 1024 * 1024, `${Math.round(more / 1024)} KiB more after another run`);
  });

  it('takes away every cluster’s right at once and still tells one cause, not a thousand', async () => {
    const { rig } = fleet;
    const withdraw = rig.network.faults.plant({ service: 'arm', method: 'GET', respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'The client does not have authorization.' } } } });
    const done = await run('EnableWorkloadIdentity');
    withdraw();
    assert.equal(done.end.result, 'Failed');
    assertFits(done.agent);
    assert.ok(done.end.message.length < 4000);
    assert.ok(done.agent.log.some((line) => /where {3}1000 places: aks-0001, /.test(line)), shown(done.agent).join('\n'));
    assert.equal(done.agent.errors.length, 1);
    assert.match(done.agent.errors[0] ?? '', /and 999 more with the same cause/);
  });
});

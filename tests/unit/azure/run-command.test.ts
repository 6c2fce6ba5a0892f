import assert from 'node:assert/strict';
import { runCommand, runCommandRights, type ClusterCommand, type CommandEnd } from '../../../tasks/_shared/azure/run-command.js';
import { aksServerApplication } from '../../../tasks/_shared/azure/cluster-credential.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { CommandFault } from '../../simulators/arm/run-commands.js';
import { clusterId, problemOf, Rig } from './azure-world.js';

const hello = { command: 'echo hello', context: '' };

describe('run command', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    rig.world.arm.clusters.commands.knobs.pod = (_record, { command }) => Promise.resolve({ exitCode: command.includes('fail') ? 7 : 0, output: `${command}\n` });
  });

  async function run(sent: ClusterCommand = hello, deadlineMs = 60_000): Promise<CommandEnd> {
    return runCommand(await rig.connect(), rig.entry(), sent, { deadlineMs, progress: (text) => void rig.progress.push(text) });
  }
  const fail = (...faults: CommandFault[]): unknown => rig.world.arm.clusters.commands.knobs.faults.set('aks-1', faults);
  const failing = (...faults: CommandFault[]): Promise<ProblemParts> => {
    fail(...faults);
    return problemOf(run());
  };

  for (const capitals of [false, true]) {
    it(`knows a command that succeeded, ${capitals ? 'with' : 'without'} capitals, and gives its exit code as it is`, async () => {
      rig.world.arm.clusters.commands.knobs.capitals = capitals;
      assert.deepEqual(await run(), { exitCode: 0, logs: 'echo hello\n' });
      assert.deepEqual(await run({ ...hello, command: 'fail' }), { exitCode: 7, logs: 'fail\n' });
      const problem = await failing({ kind: 'reason', reason: 'ImagePullBackoff' });
      assert.deepEqual([problem.code, problem.because, problem.ended], ['WI4502', 'its pod did not start: ImagePullBackoff', true]);
    });
  }

  it('sends the token of the command beside it, and asks where it was told to', async () => {
    const azure = await rig.connect();
    const token = await azure.token(aksServerApplication);
    await run({ ...hello, token });
    assert.equal(rig.world.arm.clusters.commands.ran[0]?.token, token);
    const polls = rig.network.log.all('arm').filter(({ path }) => path.includes('/commandResults/'));
    assert.deepEqual(polls.map(({ status }) => status), [202, 200]);
    assert.ok(!JSON.stringify(rig.network.log.all('arm')).includes(token));
  });

  it('says that no node had room, whether ARM says it or the result', async () => {
    const unscheduled = await failing(...Array.from({ length: 6 }, () => ({ kind: 'unscheduled' }) as const));
    assert.deepEqual([unscheduled.code, unscheduled.ended], ['WI4503', true]);
    assert.match((await failing({ kind: 'reason', reason: 'pod was not scheduled: Insufficient cpu' })).because, /Insufficient cpu/);
    assert.equal((await failing({ kind: 'reason', reason: 'Timed out waiting for the pod' })).code, 'WI4503');
  });

  it('comes again while the cluster is busy, and gives up in the end', async () => {
    fail({ kind: 'busy' }, { kind: 'busy' });
    assert.equal((await run()).exitCode, 0);
    assert.match(rig.progress.join(), /Another operation \(Updating\) is in progress/);
    const problem = await failing(...Array.from({ length: 100 }, () => ({ kind: 'busy' }) as const));
    assert.deepEqual([problem.code, problem.status, problem.serviceCode], ['WI4515', 409, 'OperationNotAllowed']);
  });

  it('takes a result without an exit code and without a reason for no success', async () => {
    const problem = await failing({ kind: 'silent' });
    assert.deepEqual([problem.code, problem.because], ['WI4504', 'its state is succeeded, without an exit code and without a reason']);
  });

  it('says that run command is switched off, that a right is missing, and that it took too long', async () => {
    rig.world.arm.clusters.commands.knobs.pod = () => new Promise(() => undefined);
    assert.equal((await problemOf(run())).code, 'WI4508');
    rig.world.arm.clusters.edit('aks-1', { apiServerAccessProfile: { disableRunCommand: true } });
    const off = await problemOf(run());
    assert.deepEqual([off.code, off.because], ['WI4501', 'Run command is disabled on this managed cluster.']);
    assert.match(off.remedy, /--enable-run-command/);
    const stranger = rig.otherConnection('stranger');
    const azure = await rig.connect(stranger.signIn);
    const refused = await problemOf(runCommand(azure, rig.entry(), hello, { deadlineMs: 1, progress: () => undefined }));
    assert.deepEqual([refused.code, refused.because.includes('runcommand/action')], ['WI2002', true]);
    assert.deepEqual(runCommandRights(azure, clusterId()).map(({ action, scope }) => [action.split('/').slice(-2).join('/'), scope]), [['runcommand/action', clusterId()], ['commandResults/read', clusterId()]]);
  });
});

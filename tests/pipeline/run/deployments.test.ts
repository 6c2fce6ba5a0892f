import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MemoryWorld } from '../memory-world.js';
import { Bench } from './harness.js';
import type { Finished } from './harness.js';

/** A hook that says where it is, and sets an output that says the same. */
const say = (hook: string): string => `{ steps: [{ bash: 'echo "at ${hook} $(System.JobName) [$STRATEGY_NAME $STRATEGY_ACTION $STRATEGY_INCREMENT] [$ENVIRONMENT_RESOURCENAME]"; echo "##vso[task.setvariable variable=v;isOutput=true]${hook}-$(System.JobName)"', name: s }] }`;
const hooks = ['preDeploy', 'deploy', 'routeTraffic', 'postRouteTraffic'];
const allHooks = (other: Readonly<Record<string, string>> = {}): string => [...hooks.map((hook) => `${hook}: ${other[hook] ?? say(hook)}`), `on: { success: ${say('success')}, failure: ${say('failure')} }`].join(', ');
const spoken = ({ lines }: Finished): readonly string[] => lines.flatMap((line) => (line.startsWith('at ') ? [line.slice(3)] : []));
const failing = '{ steps: [{ script: exit 1 }] }';

describe('deployment strategies', () => {
  let bench: Bench;
  const world = new MemoryWorld({ environments: ['dev', 'farm'], machines: { farm: { vm1: ['web'], vm2: ['web', 'new'], vm3: ['db'] } } });
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  describe('runOnce', () => {
    it('runs every hook once, in order, each as a job of its own, then on: success', async () => {
      const run = await bench.run(`jobs: [{ deployment: D, environment: dev, strategy: { runOnce: { ${allHooks()} } } }]`, { world });
      assert.deepEqual(spoken(run), ['preDeploy PreDeploy [  ] []', 'deploy Deploy [  ] []', 'routeTraffic RouteTraffic [  ] []', 'postRouteTraffic PostRouteTraffic [  ] []', 'success OnSuccess [  ] []']);
      assert.equal(run.result.result, 'Succeeded');
      assert.deepEqual([...run.job('__default.D').outputs.keys()], ['PreDeploy.s.v', 'D.s.v', 'RouteTraffic.s.v', 'PostRouteTraffic.s.v', 'OnSuccess.s.v']);
    });

    it('goes from a hook that fails to on: failure, and stays failed', async () => {
      const run = await bench.run(
        `jobs:\n  - { deployment: D, environment: dev, strategy: { runOnce: { ${allHooks({ deploy: failing })} } } }\n  - { deployment: Soft, continueOnError: true, environment: dev, strategy: { runOnce: { ${allHooks({ preDeploy: failing })} } } }\n  - { job: After, dependsOn: D, steps: [{ script: echo x }] }\n`,
        { world, parallelJobs: 1 },
      );
      assert.deepEqual(spoken(run).map((line) => line.split(' ')[0]).sort(), ['failure', 'failure', 'preDeploy']);
      assert.deepEqual(['D', 'Soft', 'After'].map((name) => run.job(`__default.${name}`).result), ['Failed', 'SucceededWithIssues', 'Skipped']);
    });

    it('gives a hook nothing of the variables of the one before it', async () => {
      const run = await bench.run(`jobs: [{ deployment: D, environment: dev, strategy: { runOnce: { preDeploy: { steps: [{ bash: 'echo "##vso[task.setvariable variable=x]1"' }] }, deploy: { steps: [{ bash: 'echo "x is [$X]"' }] } } } }]`, { world });
      assert.ok(run.lines.includes('x is []'));
    });

    it('does not start the next hook of a run that is cancelled, nor on: failure', async () => {
      const cancel = new AbortController();
      bench.task('Wait', "process.on('SIGINT', () => process.exit(0)); console.log('ready'); setTimeout(() => process.exit(9), 30000);");
      const seen: string[] = [];
      const { job } = await bench.run(`jobs: [{ deployment: D, environment: dev, strategy: { runOnce: { ${allHooks({ preDeploy: '{ steps: [{ task: Wait@1 }] }' })} } } }]`, {
        world,
        signal: cancel.signal,
        output: (line) => {
          seen.push(line);
          if (line === 'ready') cancel.abort(new Error('by hand'));
        },
      });
      assert.equal(job('__default.D').result, 'Canceled');
      assert.ok(!seen.some((line) => line.startsWith('at ')));
    });
  });

  it('runs canary by increments, and names outputs by hook and increment, within and across stages', async () => {
    const run = await bench.run(
      `
stages:
  - stage: One
    jobs:
      - { deployment: A, environment: dev, strategy: { canary: { increments: [10, 20], ${allHooks()} } } }
      - { job: B, dependsOn: A, variables: { ten: "$[ dependencies.A.outputs['deploy_10.s.v'] ]", pre: "$[ dependencies.A.outputs['preDeploy.s.v'] ]" }, steps: [{ script: 'echo "at B $(ten) $(pre)"' }] }
  - stage: Two
    condition: eq(dependencies.One.outputs['A.routeTraffic_20.s.v'], 'routeTraffic-RouteTraffic_20')
    jobs: [{ job: C, variables: { twenty: "$[ stageDependencies.One.A.outputs['deploy_20.s.v'] ]" }, steps: [{ script: 'echo "at C $(twenty)"' }] }]
`,
      { world },
    );
    assert.deepEqual(spoken(run), [
      'preDeploy PreDeploy [canary deploy ] []',
      ...['10', '20'].flatMap((increment) => [`deploy Deploy_${increment}`, `routeTraffic RouteTraffic_${increment}`, `postRouteTraffic PostRouteTraffic_${increment}`].map((line) => `${line} [canary deploy ${increment}] []`)),
      'success OnSuccess [canary promote ] []',
      'B deploy-Deploy_10 preDeploy-PreDeploy',
      'C deploy-Deploy_20',
    ]);
  });

  it('ends a canary with the increment that fails', async () => {
    const run = await bench.run(`jobs: [{ deployment: A, environment: dev, strategy: { canary: { increments: [10, 20], ${allHooks({ postRouteTraffic: failing })} } } }]`, { world });
    assert.deepEqual(spoken(run).slice(-2), ['routeTraffic RouteTraffic_10 [canary deploy 10] []', 'failure OnFailure [canary reject ] []']);
  });

  it('rolls over the machines in batches, every hook on each machine of a batch before the next', async () => {
    const run = await bench.run(
      `jobs:\n  - { deployment: R, environment: { name: farm, resourceType: VirtualMachine }, strategy: { rolling: { maxParallel: 2, preDeploy: ${say('preDeploy')}, deploy: ${say('deploy')}, on: { success: ${say('success')} } } } }\n  - { job: B, dependsOn: R, variables: { one: "$[ dependencies.R.outputs['Deploy_vm1.s.v'] ]" }, steps: [{ script: 'echo "at B $(one)"' }] }\n`,
      { world, parallelJobs: 1 },
    );
    const at = (hook: string, title: string, machine: string): string => `${hook} ${title}_${machine} [rolling  ] [${machine}]`;
    assert.deepEqual(spoken(run), [
      at('preDeploy', 'PreDeploy', 'vm1'), at('preDeploy', 'PreDeploy', 'vm2'), at('deploy', 'Deploy', 'vm1'), at('deploy', 'Deploy', 'vm2'),
      at('preDeploy', 'PreDeploy', 'vm3'), at('deploy', 'Deploy', 'vm3'),
      at('success', 'OnSuccess', 'vm1'), at('success', 'OnSuccess', 'vm2'), at('success', 'OnSuccess', 'vm3'),
      'B deploy-Deploy_vm1',
    ]);
  });

  it('takes a percentage of the machines, and stops rolling at a batch that fails', async () => {
    const fail = `{ steps: [{ bash: 'echo "at deploy $(Agent.MachineName)"; test "$(Agent.MachineName)" != vm1' }] }`;
    const run = await bench.run(`jobs: [{ deployment: R, environment: { name: farm, resourceType: virtualMachine }, strategy: { rolling: { maxParallel: 67%, deploy: ${fail}, on: { failure: ${say('failure')} } } } }]`, { world, parallelJobs: 1 });
    assert.deepEqual(spoken(run), ['deploy vm1', 'deploy vm2', 'failure OnFailure_vm1 [rolling  ] [vm1]', 'failure OnFailure_vm2 [rolling  ] [vm2]']);
    assert.equal(run.result.result, 'Failed');
  });

  for (const [environment, machines] of [
    ['{ name: farm, resourceType: VirtualMachine, tags: web }', ['vm1', 'vm2']],
    ["{ name: farm, resourceType: VirtualMachine, tags: 'web,new' }", ['vm2']],
    ['{ name: farm, resourceType: VirtualMachine, tags: [db] }', ['vm3']],
    ['farm.vm2', ['vm2']],
    ['{ name: farm, resourceName: VM3 }', ['vm3']],
  ] as const) {
    it(`runs once on each machine that ${environment} means`, async () => {
      const run = await bench.run(`jobs: [{ deployment: D, environment: ${environment}, strategy: { runOnce: { deploy: ${say('deploy')} } } }]`, { world, parallelJobs: 1 });
      assert.deepEqual([...run.job('__default.D').outputs.keys()], machines.map((machine) => `Deploy_${machine}.s.v`));
    });
  }

  it('asks once for a stage whatever its hooks use', async () => {
    const asking = new MemoryWorld({ environments: ['dev'] });
    await bench.run(`jobs: [{ deployment: A, environment: dev, strategy: { canary: { increments: [10, 20], deploy: ${say('deploy')} } } }]`, { world: asking });
    assert.deepEqual(asking.asked, [{ stage: '__default', resources: [{ kind: 'environment', name: 'dev' }] }]);
  });

  const once = `strategy: { runOnce: { deploy: ${say('deploy')} } }`;
  for (const [job, messages] of [
    [`deployment: deploy, environment: dev, ${once}`, ["The name 'deploy' is a keyword and cannot name a deployment job."]],
    [`deployment: D, ${once}`, ['A deployment job needs an environment.']],
    ['deployment: D, environment: dev', ['A deployment job needs a strategy.']],
    ['deployment: D, environment: dev, strategy: { matrix: { a: {} } }', ['The strategy of a deployment job is one of runOnce, canary and rolling.']],
    [`deployment: D, environment: dev, strategy: { runOnce: { preDeploy: ${say('x')} } }`, ["runOnce needs 'deploy'."]],
    [`deployment: D, environment: dev, strategy: { runOnce: { deploy: ${say('x')}, on: { finished: {} } } }`, ["Unexpected value 'finished'"]],
    [`deployment: D, environment: dev, strategy: { canary: { deploy: ${say('x')} } }`, ["canary needs 'increments', e.g. [10, 20]."]],
    [`deployment: D, environment: dev, strategy: { canary: { increments: [0, 10, 10], deploy: ${say('x')} } }`, ['An increment is a whole number from 1 to 100, not 0.', 'not supported by the local runner: the increment 10 twice: its outputs would have the same names']],
    [`deployment: D, environment: farm.vm1, strategy: { canary: { increments: [10], deploy: ${say('x')} } }`, ['not supported by the local runner: canary on virtual machines of environment farm']],
    [`deployment: D, environment: dev, strategy: { rolling: { deploy: ${say('x')} } }`, ["Job D: rolling deploys to virtual machines only. Name them with 'resourceType: VirtualMachine' under 'environment'."]],
    [`deployment: D, environment: { name: dev, resourceType: VirtualMachine }, strategy: { rolling: { maxParallel: 0, deploy: ${say('x')} } }`, ["'maxParallel' of rolling is a number or a percentage such as 50%, not 0."]],
    [`deployment: D, environment: { name: dev, resourceType: VirtualMachine }, strategy: { rolling: { deploy: ${say('x')} } }`, ['Job D: environment dev has no virtual machine. Other resources of environments are not supported by the local runner.']],
    [`deployment: D, environment: { name: farm, resourceType: VirtualMachine, tags: [x] }, ${once}`, ['Job D: environment farm has no virtual machine with the tags x. Other resources of environments are not supported by the local runner.']],
    [`deployment: D, environment: dev.ns, ${once}`, ['Job D: environment dev has no virtual machine called ns. Other resources of environments are not supported by the local runner.']],
    [`deployment: D, environment: { name: dev, resourceType: Kubernetes }, ${once}`, ['not supported by the local runner: resources of an environment that are no virtual machines: kubernetes']],
    [`deployment: D, environment: dev, strategy: { runOnce: { deploy: { pool: server, steps: [{ script: x }] } } }`, ['not supported by the local runner: pool: server, a job without an agent']],
    ['job: J, container: ubuntu:22.04, steps: [{ script: x }]', ['not supported by the local runner: container jobs: there is no container engine here. Job J could only run on this machine itself, which the caller has to allow']],
    ['job: J, workspace: { clean: most }, steps: [{ script: x }]', ["'clean' is one of outputs, resources, all, not 'most'."]],
  ] as const) {
    it(`refuses { ${job.slice(0, 100)} …`, () => {
      const found = bench.refusals(`jobs:\n  - { ${job} }\n`, { world }).map((problem) => problem.replace(/^pipeline.yml:\d+:\d+: /, ''));
      assert.deepEqual(found, messages);
    });
  }

  it('runs a container job on this machine when the caller allows it, and says so', async () => {
    const { lines, result } = await bench.run('jobs:\n  - { job: J, container: { image: ubuntu:22.04 }, workspace: { clean: all }, steps: [{ script: echo ran }] }\nlockBehavior: sequential\n', { containersOnHost: true });
    assert.equal(result.result, 'Succeeded');
    assert.ok(lines.includes('##[warning]There is no container engine here: the job runs on this machine instead of in ubuntu:22.04.') && lines.includes('ran'));
  });

  it('gives a pipeline of steps only a strategy of its own', async () => {
    const { lines } = await bench.run('strategy: { matrix: { a: { v: x }, b: { v: y } } }\nsteps: [{ script: echo leg $(v) }]\n');
    assert.ok(lines.includes('leg x') && lines.includes('leg y'));
    assert.deepEqual(bench.refusals('lockBehavior: never\nsteps: [{ script: x }]'), ["pipeline.yml:1:15: 'lockBehavior' is one of sequential, runLatest, not 'never'."]);
  });
});

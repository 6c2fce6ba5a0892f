import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { isRecord } from '../../simulators/kernel/service.js';
import { MemoryWorld } from '../memory-world.js';
import { Bench, connection } from './harness.js';
import { ManualClock } from './manual-clock.js';

/** Writes its whole environment to the file named by the input `dump`. */
const dump = "require('node:fs').writeFileSync(process.env.INPUT_DUMP, JSON.stringify(process.env));";
const print = (...lines: readonly string[]): string => lines.map((line) => `console.log(${JSON.stringify(line)});`).join('\n');
const connectionInput = { name: 'azureSubscriptionEndpoint', aliases: ['azureSubscription'], type: 'connectedService:AzureRM', required: true };

describe('the agent around a task', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  it('gives inputs, endpoints, variables and secrets as the agent does', async () => {
    const inputs = [
      connectionInput,
      { name: 'dump', type: 'string' },
      { name: 'mode', type: 'pickList', defaultValue: ' fast ' },
      { name: 'empty', type: 'string' },
      { name: 'chart', type: 'filePath' },
      { name: 'values', aliases: ['valueFile'], type: 'filePath' },
    ];
    bench.task('Dump', `${dump}\nconsole.log('key is ' + process.env['ENDPOINT_AUTH_PARAMETER_${connection.id}_SERVICEPRINCIPALKEY']);`, { inputs });
    const world = new MemoryWorld({
      connections: [connection, { ...connection, id: '00000000-0000-4000-8000-00000000aaaa', name: 'other' }],
      groups: [{ name: 'g', variables: { 'my.pass': { value: 'canary-var', isSecret: true } } }],
      environmentVariables: { NODE_EXTRA_CA_CERTS: '/ca.pem' },
    });
    const target = join(bench.folder, 'env.json');
    const { result, lines } = await bench.run(
      `
stages:
  - stage: Ring
    variables: [{ group: g }, { name: my.public name, value: 'v 1' }]
    jobs:
      - job: J
        steps:
          - task: Dump@1
            displayName: Dump it
            inputs: { AzureSubscription: sc-dev, dump: '${target}', valueFile: sub/values.yaml }
            env: { EXTRA: '$(my.pass)' }
`,
      { world, buildId: 42, definitionName: 'fleet', hostEnvironment: { PATH: process.env.PATH, HOME: '/home/x', LEAK: 'x' } },
    );
    assert.equal(result.result, 'Succeeded', lines.join('\n'));
    const env: unknown = JSON.parse(readFileSync(target, 'utf8'));
    assert.ok(isRecord(env));
    const id = connection.id;
    const expected = {
      INPUT_AZURESUBSCRIPTIONENDPOINT: id, INPUT_MODE: 'fast', INPUT_EMPTY: '', INPUT_CHART: bench.sources, INPUT_VALUES: join(bench.sources, 'sub', 'values.yaml'),
      [`ENDPOINT_URL_${id}`]: connection.url, [`ENDPOINT_AUTH_SCHEME_${id}`]: 'ServicePrincipal', [`ENDPOINT_AUTH_PARAMETER_${id}_TENANTID`]: 'tenant-1',
      [`ENDPOINT_AUTH_${id}`]: JSON.stringify({ parameters: connection.parameters, scheme: connection.scheme }),
      [`ENDPOINT_DATA_${id}`]: JSON.stringify(connection.data), [`ENDPOINT_DATA_${id}_SCOPE_LEVEL`]: 'Subscription',
      ENDPOINT_URL_SYSTEMVSSCONNECTION: 'https://dev.azure.test/contoso/', ENDPOINT_AUTH_SCHEME_SYSTEMVSSCONNECTION: 'OAuth',
      ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN: `job-token-${String(env.SYSTEM_JOBID)}`,
      MY_PUBLIC_NAME: 'v 1', SECRET_MY_PASS: 'canary-var', EXTRA: 'canary-var', NODE_EXTRA_CA_CERTS: '/ca.pem', HOME: '/home/x',
      SYSTEM_HOSTTYPE: 'build', SYSTEM_STAGENAME: 'Ring', SYSTEM_TEAMPROJECT: 'Fabrikam', SYSTEM_TEAMPROJECTID: world.project.id,
      SYSTEM_TEAMFOUNDATIONCOLLECTIONURI: world.organisation.collectionUri, BUILD_BUILDID: '42', BUILD_DEFINITIONNAME: 'fleet', BUILD_SOURCESDIRECTORY: bench.sources,
      SYSTEM_DEFAULTWORKINGDIRECTORY: bench.sources, AGENT_JOBSTATUS: 'Succeeded', 'agent.jobstatus': 'Succeeded', TF_BUILD: 'True', VSTS_SECRET_VARIABLES: '["my.pass","System.AccessToken"]',
      SECRET_SYSTEM_ACCESSTOKEN: `job-token-${String(env.SYSTEM_JOBID)}`,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(env[name], value, name);
    assert.match(String(env.SYSTEM_OIDCREQUESTURI), new RegExp(`/plans/${String(env.SYSTEM_PLANID)}/jobs/${String(env.SYSTEM_JOBID)}/oidctoken$`));
    for (const name of ['LEAK', 'MY_PASS', 'SYSTEM_ACCESSTOKEN', 'INPUT_AZURESUBSCRIPTION', 'ENDPOINT_URL_00000000-0000-4000-8000-00000000aaaa']) assert.equal(env[name], undefined, name);
    assert.ok(lines.includes('key is ***') && lines.includes('Task         : Dump task') && lines.includes('Version      : 1.2.3'));
    assert.ok(!lines.join('\n').includes('canary'));
  });

  it('decides the result by task.complete and by the exit code', async () => {
    bench.task('CompleteFailed', print('##vso[task.complete result=Failed;]no', '##vso[task.complete result=Succeeded;]yes'));
    bench.task('Issues', print('##vso[task.logissue type=warning]careful', '##vso[task.issue type=error;source=TaskInternal]bad', '##vso[task.complete result=SucceededWithIssues;]'));
    bench.task('Exit', `${print('##vso[task.complete result=Succeeded;]')}\nprocess.exitCode = 5;`);
    bench.task('Throw', "throw new Error('unexpected')");
    const { step, job, lines } = await bench.run('steps:\n  - { task: CompleteFailed@1, condition: always() }\n  - { task: Issues@1, condition: always() }\n  - { task: Exit@1, condition: always() }\n  - { task: Throw@1, condition: always() }\n');
    assert.deepEqual(['CompleteFailed', 'Issues', 'Exit', 'Throw'].map((name) => step(`__default.Job.${name}`).result), ['Failed', 'SucceededWithIssues', 'Failed', 'Failed']);
    assert.equal(step('__default.Job.CompleteFailed').exitCode, 0);
    assert.deepEqual(step('__default.Job.Issues').issues, [{ type: 'warning', message: 'careful' }, { type: 'error', message: 'bad' }]);
    assert.ok(lines.includes('##[warning]careful') && lines.includes('##[error]bad') && lines.some((line) => line.includes('Error: unexpected')));
    assert.match(step('__default.Job.Exit').issues[0]?.message ?? '', /^Exit code 5 returned from process/);
    assert.equal(job('__default.Job').result, 'Failed');
  });

  it('collects summaries and attachments, prepends to the path, masks at once', async () => {
    bench.task('Report', `
const { writeFileSync, mkdirSync } = require('node:fs'); const { join } = require('node:path');
const file = join(process.env.AGENT_TEMPDIRECTORY, 'a.md'); writeFileSync(file, '# Plan');
console.log('##vso[task.uploadsummary]' + file);
console.log('##vso[task.addattachment type=report;name=r1;]' + file);
console.log('##vso[task.prependpath]/first'); console.log('##vso[task.prependpath]/second');
console.log('##vso[task.setsecret]s3cr%AZP25t'); console.log('now s3cr%t');
console.log('##[group]folds'); console.log('##vso[task.debug]hidden'); console.log('##vso[task.setprogress value=50;]half');
console.log('##vso[task.setvariable variable=pw;issecret=true]open-sesame');`);
    const { step, lines } = await bench.run('steps:\n  - { task: Report@1, name: r }\n  - script: echo "path ${PATH%%:/usr*} [$PW] $(pw)"\n', { hostEnvironment: { PATH: '/usr/bin:/bin' } });
    assert.deepEqual(step('__default.Job.r').summaries, ['# Plan']);
    assert.deepEqual(step('__default.Job.r').attachments, [{ type: 'report', name: 'r1', content: '# Plan' }]);
    assert.ok(lines.includes('now ***') && lines.includes('##[group]folds'));
    assert.ok(lines.includes('path /second:/first [] ***'), lines.join('\n'));
    assert.ok(!lines.some((line) => line.includes('hidden') || line.includes('##vso')));
  });

  it('shows debug lines when system.debug is true', async () => {
    bench.task('Debug', print('##vso[task.debug]shown'));
    const { lines } = await bench.run('variables: { system.debug: true }\nsteps: [{ task: Debug@1 }]');
    assert.ok(lines.includes('##[debug]shown'));
  });

  const badCommands: readonly (readonly [string, RegExp])[] = [
    ['##vso[task.setvariable]x', /Required field 'variable' is missing/],
    ['##vso[task.complete result=Great]', /valid result value: 'Great'/],
    ['##vso[task.logissue type=info]x', /not an expected issue type/],
    ['##vso[task.setprogress value=101]', /from 0 to 100/],
    ['##vso[task.frobnicate]x', /is not a recognized command/],
    ['##vso[artifact.upload artifactname=a]x', /not supported by the local runner: ##vso\[artifact\.upload\]/],
    ['##vso[build.addbuildtag]x', /not supported by the local runner: ##vso\[build\.addbuildtag\]/],
    ['##vso[task.uploadsummary]/no/such/file', /does not exist/],
    ['##vso[task.setsecret]a%0Ab', /Multi-line secrets are not allowed/],
    ['##vso[task.setvariable variable=System.JobId]x', /Overwriting readonly variable 'System.JobId'/],
    ['##vso[task.setvariable variable=fixed]x', /Overwriting readonly variable 'fixed'/],
    ['##vso[task.debug', /closing bracket is missing/],
  ];
  for (const [line, message] of badCommands) {
    it(`fails a step that prints ${line}`, async () => {
      bench.task('Bad', print(line));
      const { step } = await bench.run('variables: [{ name: fixed, value: 1, readonly: true }]\nsteps: [{ task: Bad@1, name: bad }]');
      assert.equal(step('__default.Job.bad').result, 'Failed');
      assert.match(step('__default.Job.bad').issues[0]?.message ?? '', message);
    });
  }

  it('holds a task to the restrictions of its task.json', async () => {
    const lines = ['##vso[task.setvariable variable=okOne]1', '##vso[task.setvariable variable=other]2', '##vso[task.uploadsummary]/no/such/file', '##vso[task.setvariable variable=ok2;isReadOnly=true]3'];
    bench.task('Tame', print(...lines), { restrictions: { commands: { mode: 'restricted' }, settableVariables: { allowed: ['OK*'] } } });
    const finished = await bench.run('steps:\n  - { task: Tame@1, name: t }\n  - script: echo "got $(okOne) $OTHER."\n');
    assert.equal(finished.step('__default.Job.t').result, 'Succeeded');
    assert.equal(finished.step('__default.Job.t').issues.length, 2);
    assert.ok(finished.lines.includes('got 1 .'));
  });

  it('makes a declared output variable an output, also without isOutput', async () => {
    bench.task('Out', print('##vso[task.setvariable variable=declared]d'), { outputVariables: [{ name: 'declared', description: '' }] });
    const { job } = await bench.run('steps: [{ task: Out@1, name: o }]');
    assert.deepEqual([...job('__default.Job').outputs], [['o.declared', 'd']]);
  });

  it('runs post-job handlers last, in reverse, with the task variables', async () => {
    bench.task('Post', print('##vso[task.settaskvariable variable=k]kept'), { postjobexecution: { Node20_1: { target: 'post.js' } } });
    bench.file('../tasks/Post/post.js', "console.log('post ' + process.env.VSTS_TASKVARIABLE_K + ' ' + process.env.INPUT_N)");
    bench.file('../tasks/Post/task.json', readFileSync(join(bench.tasksFolder, 'Post', 'task.json'), 'utf8').replace('"inputs":[]', '"inputs":[{"name":"n","type":"string"}]'));
    const { lines } = await bench.run('steps:\n  - { task: Post@1, inputs: { n: 1 } }\n  - { task: Post@1, inputs: { n: 2 } }\n  - script: exit 1\n');
    assert.deepEqual(lines.filter((line) => line.startsWith('post ')), ['post kept 2', 'post kept 1']);
  });

  it('runs the post-job handler of a task that was killed, with what it had said before', async () => {
    bench.task('Dead', "process.stdout.write('##vso[task.settaskvariable variable=k]kept\\n', () => process.kill(process.pid, 'SIGKILL'));", { postjobexecution: { Node20_1: { target: 'post.js' } } });
    bench.file('../tasks/Dead/post.js', "console.log('post ' + process.env.VSTS_TASKVARIABLE_K)");
    const { lines, result } = await bench.run('steps: [{ task: Dead@1 }]');
    assert.deepEqual(lines.filter((line) => line.startsWith('post ')), ['post kept']);
    assert.equal(result.result, 'Failed');
  });

  /** Moves the clock when a step says something: the only way in which time passes. */
  function timed(moves: Readonly<Record<string, number>>): { readonly clock: ManualClock; readonly output: (line: string) => void; readonly seen: string[] } {
    const clock = new ManualClock();
    const seen: string[] = [];
    const output = (line: string): void => {
      seen.push(line);
      clock.advance(moves[line] ?? 0);
    };
    return { clock, output, seen };
  }

  it('interrupts, terminates and kills on a timeout, and still runs always()', async () => {
    bench.task('Hang', "process.on('SIGINT', () => console.log('got SIGINT')); process.on('SIGTERM', () => console.log('got SIGTERM')); setTimeout(() => process.exit(9), 30000); console.log('hanging');");
    const { clock, output, seen } = timed({ hanging: 120_000, 'got SIGINT': 7_500, 'got SIGTERM': 2_500 });
    const { step, job } = await bench.run(
      'jobs:\n  - { job: A, steps: [{ task: Hang@1, name: h, timeoutInMinutes: 2 }, { script: echo x, name: a, condition: always() }] }\n  - { job: B, timeoutInMinutes: 2, steps: [{ task: Hang@1, name: h }, { script: echo x, name: n }, { script: echo x, name: a, condition: always() }] }\n',
      { clock, output, parallelJobs: 1 },
    );
    assert.deepEqual(seen.filter((line) => line.startsWith('got')), ['got SIGINT', 'got SIGTERM', 'got SIGINT', 'got SIGTERM']);
    assert.equal(step('__default.A.h').result, 'Failed');
    assert.deepEqual(step('__default.A.h').issues, [{ type: 'error', message: 'The task has timed out.' }]);
    assert.equal(step('__default.A.a').result, 'Succeeded');
    assert.deepEqual(['h', 'n', 'a'].map((name) => step(`__default.B.${name}`).result), ['Canceled', 'Skipped', 'Succeeded']);
    assert.equal(job('__default.B').result, 'Canceled');
    assert.match(job('__default.B').issues[0]?.message ?? '', /maximum time of 2 minutes/);
  });

  it('gives an always() step of a cancelled job five minutes, not for ever', async () => {
    bench.task('Hang', "setTimeout(() => process.exit(9), 30000); console.log('hanging');");
    const { clock, output } = timed({ hanging: 300_000 });
    const { step } = await bench.run('jobs:\n  - { job: A, timeoutInMinutes: 1, steps: [{ task: Hang@1, name: h }, { task: Hang@1, name: again, condition: always() }] }\n', { clock, output });
    assert.equal(step('__default.A.h').result, 'Canceled');
    assert.deepEqual(step('__default.A.again').issues, [{ type: 'error', message: 'The task has timed out.' }]);
  });

  it('cancels a run: the step ends, canceled() runs, later stages do not', async () => {
    const cancel = new AbortController();
    bench.task('Wait', "process.on('SIGINT', () => { console.log('bye'); process.exit(0); }); console.log('ready'); setTimeout(() => process.exit(9), 30000);");
    const seen: string[] = [];
    const { result, step } = await bench.run(
      'stages:\n  - { stage: A, jobs: [{ job: J, steps: [{ task: Wait@1, name: w }, { script: echo n, name: n }, { script: echo c, name: c, condition: canceled() }] }] }\n  - { stage: B, condition: succeededOrFailed(), jobs: [{ job: K, steps: [{ script: echo x }] }] }\n',
      {
        signal: cancel.signal,
        output: (line) => {
          seen.push(line);
          if (line === 'ready') cancel.abort(new Error('cancelled by hand'));
        },
      },
    );
    assert.ok(seen.includes('bye'));
    assert.deepEqual(['w', 'n', 'c'].map((name) => step(`A.J.${name}`).result), ['Canceled', 'Skipped', 'Succeeded']);
    assert.equal(result.stages[1]?.result, 'Skipped');
    assert.equal(result.result, 'Canceled');
  });
});

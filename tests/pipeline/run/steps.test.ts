import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Bench } from './harness.js';
import { ManualClock } from './manual-clock.js';

describe('what a step may ask for', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => {
    bench.close();
  });

  describe('retries', () => {
    /** Lets the time pass that the agent waits before it tries again, and notes it. */
    function patient(): { readonly clock: ManualClock; readonly output: (line: string) => void; readonly waits: number[] } {
      const clock = new ManualClock();
      const waits: number[] = [];
      const output = (line: string): void => {
        const wait = /will retry .* after (\d+) ms$/.exec(line)?.[1];
        if (wait === undefined) return;
        waits.push(Number(wait));
        // The line comes before the wait begins.
        setImmediate(() => clock.advance(Number(wait)));
      };
      return { clock, output, waits };
    }

    it('run a step again until it succeeds, after 1, 4, … seconds', async () => {
      const { clock, output, waits } = patient();
      const { step } = await bench.run('steps: [{ bash: \'echo x >> tries; test "$(wc -l < tries)" -ge 3\', name: s, retryCountOnTaskFailure: 5 }]', { clock, output });
      assert.equal(readFileSync(join(bench.sources, 'tries'), 'utf8'), 'x\nx\nx\n');
      assert.deepEqual(waits, [1000, 4000]);
      assert.equal(step('__default.Job.s').result, 'Succeeded');
      const warning = 'RetryHelper encountered task failure, will retry (attempt #: 2 out of 5) after 4000 ms';
      assert.ok(step('__default.Job.s').issues.some(({ type, message }) => type === 'warning' && message === warning));
    });

    it('end after the last one with the failure, and are never more than ten', async () => {
      bench.task('Fail', "console.log('##vso[task.complete result=Failed;]no')");
      const { clock, output, waits } = patient();
      const { step } = await bench.run('steps: [{ task: Fail@1, name: s, retryCountOnTaskFailure: 1, continueOnError: true }, { script: exit 1, name: many, retryCountOnTaskFailure: 11 }]', { clock, output });
      assert.equal(step('__default.Job.s').result, 'SucceededWithIssues');
      assert.equal(step('__default.Job.many').result, 'Failed');
      assert.equal(waits.length, 11);
      assert.match(step('__default.Job.many').issues[0]?.message ?? '', /asks for 11 retries\. At most 10/);
    });

    it('do not run a step again that timed out', async () => {
      bench.task('Hang', "setTimeout(() => process.exit(9), 30000); console.log('##vso[task.complete result=Failed;]'); console.log('hanging');");
      const clock = new ManualClock();
      const lines: string[] = [];
      const { step } = await bench.run('steps: [{ task: Hang@1, name: h, timeoutInMinutes: 1, retryCountOnTaskFailure: 3 }]', {
        clock,
        output: (line) => {
          lines.push(line);
          if (line === 'hanging') clock.advance(60_000);
        },
      });
      assert.equal(lines.filter((line) => line === 'hanging').length, 1);
      assert.deepEqual(step('__default.Job.h').issues.map(({ message }) => message), ['The task has timed out.']);
    });
  });

  describe('PowerShell', () => {
    /** A stand-in that shows what it was given. */
    function standIn(): string {
      const folder = join(bench.folder, 'programs');
      mkdirSync(folder);
      writeFileSync(join(folder, 'pwsh'), '#!/bin/bash\necho "args ${*:1:4}"\nfile="${5#. \\\'}"\ncat "${file%\\\'}"\necho\nexit 3\n');
      chmodSync(join(folder, 'pwsh'), 0o755);
      return folder;
    }

    it('runs a file with its preferences and the exit code of the last program', async () => {
      const { step, lines } = await bench.run(
        "variables: { who: you }\nsteps:\n  - { pwsh: 'Write-Host $(who)', name: p, errorActionPreference: silentlyContinue, continueOnError: true }\n  - { powershell: Get-Item, name: q, ignoreLASTEXITCODE: true }\n",
        { hostEnvironment: { PATH: `${standIn()}:/usr/bin:/bin` } },
      );
      const at = lines.indexOf('args -NoLogo -NoProfile -NonInteractive -Command');
      assert.deepEqual(lines.slice(at + 1, at + 4), ["$errorActionPreference = 'silentlyContinue'", 'Write-Host you', 'if (Test-Path -LiteralPath variable:\\LASTEXITCODE) { exit $LASTEXITCODE }']);
      assert.deepEqual(step('__default.Job.p').issues, [{ type: 'error', message: "PowerShell exited with code '3'." }]);
      assert.equal(lines.filter((line) => line.includes('LASTEXITCODE')).length, 1);
      assert.ok(lines.includes("$errorActionPreference = 'stop'"));
    });

    it('fails by name where there is none', async () => {
      const { step } = await bench.run('steps: [{ pwsh: x, name: p }, { powershell: x, name: q, condition: always() }]', { hostEnvironment: { PATH: bench.folder } });
      for (const name of ['p', 'q']) assert.match(step(`__default.Job.${name}`).issues[0]?.message ?? '', /^Unable to locate executable file: 'pwsh'\./);
    });
  });

  it('holds a step to the restrictions of its target', async () => {
    const set = 'echo "##vso[task.setvariable variable=ok]1"; echo "##vso[task.setvariable variable=no]1"';
    const { lines, step } = await bench.run(`
steps:
  - { bash: '${set}', target: { container: host, settableVariables: [o*] } }
  - { bash: '${set}; echo "##vso[task.uploadsummary]/no/file"', name: tame, target: { commands: restricted, settableVariables: none } }
  - { bash: 'echo "[$OK] [$NO]"', target: host }
`);
    assert.ok(lines.includes('[1] []'), lines.join('\n'));
    assert.deepEqual(step('__default.Job.tame').issues.map(({ message }) => message.split(' has been ')[0]), ['Setting variable ok', 'Setting variable no', '##vso[task.uploadsummary]']);
    assert.deepEqual(bench.refusals('steps: [{ script: x, target: ubuntu }]'), ["pipeline.yml:1:30: not supported by the local runner: the step target ubuntu: there are no containers here, only 'host'"]);
    assert.deepEqual(bench.refusals('steps: [{ script: x, target: { commands: some } }]'), ["pipeline.yml:1:30: 'commands' of a target is any or restricted, not some."]);
  });

  describe('checkout', () => {
    const show = `{ bash: 'echo "$SYSTEM_PHASENAME $(ls | xargs) / $(cat */own.txt own.txt 2>/dev/null | xargs)"' }`;
    function repositories(): { readonly repositories: Readonly<Record<string, string>> } {
      for (const name of ['tools', 'docs']) {
        mkdirSync(join(bench.folder, name));
        writeFileSync(join(bench.folder, name, 'own.txt'), `${name}\n`);
      }
      bench.file('own.txt', 'self\n');
      return { repositories: { tools: join(bench.folder, 'tools'), handbook: join(bench.folder, 'docs') } };
    }

    it('brings one repository to the sources, several to a folder each', async () => {
      const { lines } = await bench.run(
        `jobs:\n  - { job: One, steps: [{ checkout: tools }, ${show}] }\n  - { job: Both, steps: [{ checkout: self }, { checkout: tools }, { checkout: handbook }, ${show}] }\n  - { job: Self, steps: [${show}] }\n`,
        repositories(),
      );
      for (const line of ['One own.txt / tools', 'Both docs sources tools / docs self tools', 'Self own.txt pipeline.yml / self']) assert.ok(lines.includes(line), lines.join('\n'));
      assert.ok(existsSync(join(bench.folder, 'tools', 'own.txt')), 'removing the work folder leaves the repositories alone');
    });

    it('refuses a repository without a local folder, and fails a job whose repositories would share one', async () => {
      assert.deepEqual(bench.refusals('steps: [{ checkout: other }]'), ["pipeline.yml:1:9: not supported by the local runner: the checkout of 'other' without a local folder for it"]);
      const { job } = await bench.run('jobs: [{ job: J, steps: [{ checkout: self }, { checkout: twin }] }]', { repositories: { twin: join(bench.folder, 'elsewhere', 'sources') } });
      assert.match(job('__default.J').issues[0]?.message ?? '', /^Two repositories would be checked out to sources:/);
    });
  });

  it('gives an always() step of a cancelled job the time that the job says', async () => {
    bench.task('Hang', "setTimeout(() => process.exit(9), 30000); console.log('hanging ' + process.env.SYSTEM_PHASENAME);");
    const clock = new ManualClock();
    let hanging = 0;
    const output = (line: string): void => {
      if (!line.startsWith('hanging')) return;
      hanging += 1;
      // The job's minute, then the seven that it gives to what runs after a cancellation.
      clock.advance(hanging === 1 ? 60_000 : 420_000);
    };
    const { step } = await bench.run('jobs: [{ job: A, timeoutInMinutes: 1, cancelTimeoutInMinutes: 7, steps: [{ task: Hang@1, name: h }, { task: Hang@1, name: again, condition: always() }] }]', { clock, output });
    assert.deepEqual(['h', 'again'].map((name) => step(`__default.A.${name}`).result), ['Canceled', 'Failed']);
  });
});

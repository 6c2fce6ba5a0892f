import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { MemoryCounters } from '../expressions/runtime.js';
import { buildNumber } from './build-number.js';
import { Bench } from './harness.js';

/** The example of the docs, process/run-number. */
const example = { start: new Date('2019-08-05T21:07:03Z'), definitionName: 'CIBuild' };
const variables: Readonly<Record<string, string>> = { 'build.definitionname': 'CIBuild', 'build.buildid': '752', 'build.sourcebranchname': 'main', 'build.sourcebranch': 'refs/heads/main', 'system.teamproject': 'Fabrikam', mine: 'x' };
const source = (counters = new MemoryCounters()): Parameters<typeof buildNumber>[1] => ({ ...example, counters, variable: (name) => variables[name.toLowerCase()] });

describe('the number of a run', () => {
  for (const [name, expected] of [
    ['$(TeamProject)_$(Build.DefinitionName)_$(SourceBranchName)_$(Date:yyyyMMdd)$(Rev:.r)', 'Fabrikam_CIBuild_main_20190805.1'],
    ['$(BuildDefinitionName)-$(BuildID)', 'CIBuild-752'],
    ['$(DayOfMonth) $(DayOfYear) $(Hours) $(Minutes) $(Month) $(Seconds) $(Year:yy) $(Year:yyyy)', '5 217 21 7 8 3 19 2019'],
    ['$(Date:yyyy-MM-dd)_$(Rev:rrr)', '2019-08-05_001'],
    ['$(Build.SourceBranch) $(mine) $(unknown)', 'refs_heads_main x $(unknown)'],
    ['plain', 'plain'],
  ] as const) {
    it(`is ${expected} for ${name}`, () => {
      assert.equal(buildNumber(name, source()), expected);
    });
  }

  it('counts the runs that agree in everything else', () => {
    const counters = new MemoryCounters();
    const next = (name: string): string => buildNumber(name, source(counters));
    assert.deepEqual([next('1.0.$(Rev:r)'), next('1.0.$(Rev:r)'), next('1.1.$(Rev:r)'), next('1.0.$(Rev:r)')], ['1.0.1', '1.0.2', '1.1.1', '1.0.3']);
  });

  it('is Build.BuildNumber, and refused before the run when its date has no such format', async () => {
    const bench = new Bench();
    try {
      const { lines } = await bench.run('name: $(major).$(Build.BuildId)$(Rev:.r)\nvariables: { major: 3 }\nsteps: [{ script: echo "number $(Build.BuildNumber)" }]', { buildId: 7 });
      assert.ok(lines.includes('number 3.7.1'), lines.join('\n'));
      assert.deepEqual(bench.refusals('name: $(Date:qq)\nsteps: [{ script: x }]'), ["pipeline.yml:1:1: The name of the run: The format specifiers 'qq' are not valid for objects of type 'DateTime'"]);
    } finally {
      bench.close();
    }
  });
});

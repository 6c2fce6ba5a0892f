import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { serviceTaskNames } from '../validate/manifest.js';
import { Bench, type Finished } from './harness.js';

const twoSuites = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>
<!-- two suites, one within the other -->
<testsuites name="all" tests="4">
  <testsuite name="outer &amp; more">
    <properties><property name="a" value="b > c"/></properties>
    <testcase name="holds" classname="p.A"/>
    <testcase name='does &quot;not&#x22; hold' classname='p.A'><failure message="no"><![CDATA[<testcase>]]></failure></testcase>
    <testsuite name="inner">
      <testcase name="breaks" classname="p.B"><error/></testcase>
      <testcase name="waits" classname="p.B"><skipped message="later"/></testcase>
    </testsuite>
  </testsuite>
</testsuites>
`;

describe("the service's own tasks", () => {
  let bench: Bench;
  beforeEach(() => (bench = new Bench()));
  afterEach(() => bench.close());

  /** Runs one step that publishes, with these lines of inputs. */
  function publish(...inputs: readonly string[]): Promise<Finished> {
    return bench.run(`steps:\n  - task: PublishTestResults@2\n    name: tests\n    inputs:\n${inputs.map((line) => `      ${line}\n`).join('')}`);
  }
  const place = '__default.Job.tests';
  const errors = ({ step }: Finished): readonly string[] => step(place).issues.map(({ message }) => message);

  it('are known beside those of the caller', () => {
    assert.deepEqual(serviceTaskNames, ['PublishTestResults']);
    assert.deepEqual(bench.refusals('steps: [{ task: PublishTestResults@2 }]'), []);
    assert.match(bench.refusals('steps: [{ task: PublishTestResults@1 }]').join(), /A task is missing.*Installed: PublishTestResults@2/);
    assert.match(bench.refusals('steps: [{ task: PublishTestResults@2, inputs: { files: x } }]').join(), /has no input 'files'/);
  });

  it('publish each test with its suite and how it ended, and say how many', async () => {
    bench.file('out/results.xml', twoSuites);
    const run = await publish('testResultsFormat: JUnit', 'testResultsFiles: out/results.xml', 'testRunTitle: Mine');
    assert.deepEqual(errors(run), []);
    assert.equal(run.result.result, 'Succeeded');
    assert.deepEqual(run.step(place).testRuns, [{
      title: 'Mine',
      suites: 2,
      tests: [
        { suite: 'outer & more', className: 'p.A', name: 'holds', outcome: 'passed' },
        { suite: 'outer & more', className: 'p.A', name: 'does "not" hold', outcome: 'failed' },
        { suite: 'inner', className: 'p.B', name: 'breaks', outcome: 'failed' },
        { suite: 'inner', className: 'p.B', name: 'waits', outcome: 'skipped' },
      ],
    }]);
    const said = run.lines.find((line) => line.startsWith('Published test run'));
    assert.match(said ?? '', /^Published test run 'Mine' from .*\/out\/results\.xml: suites 2, cases 4, failures 2, skipped 1$/);
  });

  it('find files by patterns below the folder, and by whole paths', async () => {
    const one = (name: string): string => `<testsuite name="${name}"><testcase name="t"/></testsuite>`;
    for (const path of ['a/TEST-1.xml', 'a/b/TEST-2.xml', 'a/b/TEST-not.xml', 'c/TEST-3.xml', 'a/other.xml']) bench.file(path, one(path));
    const suites = async (...inputs: readonly string[]): Promise<string[]> => (await publish(...inputs)).step(place).testRuns.flatMap(({ tests }) => tests.map(({ suite }) => suite));
    assert.deepEqual(await suites('searchFolder: a'), ['a/b/TEST-2.xml', 'a/b/TEST-not.xml', 'a/TEST-1.xml'].sort());
    assert.deepEqual(await suites('testResultsFiles: |', '  **/TEST-*.xml', '  !**/TEST-not.xml'), ['a/b/TEST-2.xml', 'a/TEST-1.xml', 'c/TEST-3.xml'].sort());
    assert.deepEqual(await suites(`testResultsFiles: ${bench.sources}/a/other.xml`), ['a/other.xml']);
  });

  it('fail without a file, and in another format', async () => {
    const missing = await publish('testResultsFiles: none/*.xml');
    assert.deepEqual([missing.result.result, ...errors(missing)], ['Failed', 'No test result files matching none/*.xml were found.']);
    bench.file('TEST-1.xml', twoSuites);
    assert.match(errors(await publish('testResultsFormat: NUnit')).join(), /not supported by the local runner: test results of format 'NUnit'/);
  });

  for (const [what, text, because] of [
    ['no XML', '{"tests": 3}', 'it has text outside of its elements'],
    ['nothing', '', 'it is not one element'],
    ['another root', '<report><testcase name="t"/></report>', 'its root is <report>, and not <testsuites> or <testsuite>'],
    ['a cut file', twoSuites.slice(0, -30), '<testsuite> does not end'],
    ['crossed tags', '<testsuite><testcase name="t"></testsuite></testcase>', '</testsuite> is where <testcase> has to end'],
    ['a bare bracket', '<testsuite><testcase name="a < b"/></testsuite>', 'it is no XML at line 1'],
    ['a bare ampersand', '<testsuite><testcase name="a & b"/></testsuite>', 'it has an & that begins no reference'],
    ['a test without a name', '<testsuite><testcase/></testsuite>', 'it has a testcase without a name'],
  ] as const) {
    it(`refuse ${what}, and publish what is beside it`, async () => {
      bench.file('TEST-1.xml', text);
      bench.file('TEST-2.xml', twoSuites);
      const run = await publish('testRunTitle: both');
      assert.equal(run.result.result, 'Failed');
      assert.equal(errors(run).length, 1, errors(run).join('\n'));
      assert.ok(errors(run)[0]?.endsWith(`TEST-1.xml is no JUnit XML: ${because}.`), errors(run)[0]);
      assert.deepEqual(run.step(place).testRuns.map(({ tests }) => tests.length), [4]);
    });
  }

  it('fail for failed tests where that is asked for', async () => {
    bench.file('TEST-1.xml', twoSuites);
    assert.match(errors(await publish('failTaskOnFailedTests: true')).join(), /one or more test failures/);
    bench.file('TEST-1.xml', '<testsuite><testcase name="t"><skipped/></testcase></testsuite>');
    assert.deepEqual(errors(await publish('failTaskOnFailedTests: true')), []);
  });
});

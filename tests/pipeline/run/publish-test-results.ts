import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { filesIn } from './artifacts.js';
import { isMatch } from './globs.js';
import { readJUnit } from './junit.js';
import type { StepContext } from './step-context.js';

function slashed(path: string): string {
  return path.replaceAll(sep, '/');
}

/** A pattern from the root of the file system on; one that excludes keeps its mark. */
function absolute(folder: string, pattern: string): string {
  return pattern.startsWith('!') ? `!${slashed(resolve(folder, pattern.slice(1)))}` : slashed(resolve(folder, pattern));
}

/** The files that a pattern may mean: itself, or everything below its last folder without a wildcard. */
function candidates(pattern: string): readonly string[] {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => /[*?]/.test(part));
  const place = wild === -1 ? pattern : parts.slice(0, wild).join('/') || '/';
  if (!existsSync(place)) return [];
  return statSync(place).isDirectory() ? filesIn(place).map((path) => slashed(join(place, path))) : [place];
}

function matching(folder: string, patterns: readonly string[]): readonly string[] {
  const all = patterns.map((pattern) => absolute(folder, pattern));
  const found = new Set(all.filter((pattern) => !pattern.startsWith('!')).flatMap(candidates));
  return [...found].filter((path) => isMatch(path, all)).sort();
}

/**
 * Stands in for PublishTestResults@2: reads the files, says what it would publish, and keeps it with the step's result.
 * Source: Azure Pipelines docs, PublishTestResults@2.
 * @throws {Error} for the step to fail with, when there is no file, or another format is asked for.
 */
export function publishTestResults(context: StepContext, inputs: ReadonlyMap<string, string>): void {
  const given = (name: string): string => inputs.get(name) ?? '';
  const { job } = context;
  if (given('testRunner').toLowerCase() !== 'junit') throw new Error(`not supported by the local runner: test results of format '${given('testRunner')}'. It reads JUnit.`);
  const patterns = given('testResultsFiles').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const files = matching(resolve(job.folders.sources, given('searchFolder')), patterns);
  if (files.length === 0) throw new Error(`No test result files matching ${patterns.join(', ')} were found.`);
  const title = given('testRunTitle') || `JUnit_TestResults_${job.run.buildId}`;
  for (const file of files) {
    try {
      const results = readJUnit(readFileSync(file, 'utf8'));
      context.testRuns.push({ title, ...results });
      const count = (outcome: string): number => results.tests.filter((test) => test.outcome === outcome).length;
      job.log.line(`Published test run '${title}' from ${file}: suites ${results.suites}, cases ${results.tests.length}, failures ${count('failed')}, skipped ${count('skipped')}`);
    } catch (error) {
      context.fail(`${file} is no JUnit XML: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  const failed = context.testRuns.some(({ tests }) => tests.some(({ outcome }) => outcome === 'failed'));
  if (failed && given('failTaskOnFailedTests').toLowerCase() === 'true') context.fail('There are one or more test failures detected in result files, and failTaskOnFailedTests is true.');
}

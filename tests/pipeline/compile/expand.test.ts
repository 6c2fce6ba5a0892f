import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { describeProblem, PipelineRefused, Problems } from '../problems.js';
import { compilePipeline, expandPipeline } from './compile.js';
import type { CompileOptions } from './compile.js';
import { plainText, readCases, withFiles } from './fixture-cases.js';
import type { ExpansionCase } from './fixture-cases.js';

const folder = join(import.meta.dirname, '..', 'fixtures');

/** What the run knows of itself; only the first two are available in templates. */
const templateVariables = { 'Build.Reason': 'Manual', 'Build.SourceBranch': 'refs/heads/main', 'Build.BuildId': '7', queued: 'by hand' };

function options(one: ExpansionCase, root: string, repositories: Readonly<Record<string, string>>): CompileOptions {
  return { file: join(root, 'pipeline.yml'), root, repositories, parameters: one.parameters, templateVariables };
}

function refusals(one: ExpansionCase): readonly string[] {
  return withFiles(one, (root, repositories) => {
    try {
      compilePipeline(options(one, root, repositories));
      return [];
    } catch (error) {
      if (error instanceof PipelineRefused) return error.problems.map(describeProblem);
      throw error;
    }
  });
}

function expanded(one: ExpansionCase): unknown {
  return withFiles(one, (root, repositories) => {
    const problems = new Problems();
    const tree = expandPipeline(options(one, root, repositories), problems);
    problems.throwIfAny();
    return tree === undefined ? undefined : plainText(tree);
  });
}

const fixtures = readdirSync(folder).filter((name) => name.endsWith('.yml')).map((file) => ({ file, cases: readCases(join(folder, file)) }));

it('expansion has at least a hundred hand-checked cases, each with a name of its own', () => {
  const names = fixtures.flatMap(({ cases }) => cases.map((one) => one.name));
  assert.ok(names.length >= 100, String(names.length));
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

for (const { file, cases } of fixtures) {
  describe(`expansion: ${file}`, () => {
    for (const one of cases) {
      it(one.name, () => {
        if (one.problems !== undefined) assert.deepEqual(refusals(one), one.problems);
        if (one.expect !== undefined) assert.deepEqual(expanded(one), one.expect);
      });
    }
  });
}

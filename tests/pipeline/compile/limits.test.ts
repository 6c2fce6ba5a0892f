import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { describeProblem, Problems } from '../problems.js';
import { expandPipeline } from './compile.js';
import { withFiles } from './fixture-cases.js';

/** The problems of expanding files of which `pipeline.yml` is the root. */
function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  return withFiles({ files, repositories: {} }, (root) => {
    const problems = new Problems();
    expandPipeline({ file: join(root, 'pipeline.yml'), root }, problems);
    return problems.all.map(describeProblem);
  });
}

/** A pipeline that includes this many step templates, each a file of its own. */
function including(count: number): Readonly<Record<string, string>> {
  const names = Array.from({ length: count }, (_, index) => `t${index}.yml`);
  return {
    'pipeline.yml': ['steps:', ...names.map((name) => `  - template: ${name}`)].join('\n'),
    ...Object.fromEntries(names.map((name) => [name, 'steps: [{ script: x }]'])),
  };
}

/** `levels` loops within each other, each over `width` items. */
function loops(levels: number, width: number): string {
  const items = Array.from({ length: width }, (_, index) => String(index)).join(',');
  const lines = Array.from({ length: levels }, (_, level) => `${'  '.repeat(level + 1)}- \${{ each x${level} in split('${items}', ',') }}:`);
  return ['steps:', ...lines, `${'  '.repeat(levels + 1)}- script: echo`].join('\n');
}

describe('limits of templates', () => {
  it('takes 100 files, the root among them, and refuses one more by name', () => {
    assert.deepEqual(problemsOf(including(99)), []);
    assert.deepEqual(problemsOf(including(100)), ['pipeline.yml:101:15: A pipeline may consist of at most 100 YAML files.']);
  });

  it('reads a file once, however often it is included', () => {
    const steps = Array.from({ length: 300 }, () => '  - template: t.yml').join('\n');
    assert.deepEqual(problemsOf({ 'pipeline.yml': `steps:\n${steps}`, 't.yml': 'steps: [{ script: x }]' }), []);
  });

  it('stops when expansion takes more than 20 megabytes, and says so once', () => {
    assert.deepEqual(problemsOf({ 'pipeline.yml': loops(3, 20) }), []);
    const found = problemsOf({ 'pipeline.yml': loops(6, 20) });
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', /^pipeline\.yml:8:\d+: Maximum memory of 20 megabytes exceeded while evaluating the templates\./);
  });

  it('counts what is read, what is expanded and what expressions insert', () => {
    const text = (megabytes: number): string => `'${'x'.repeat((megabytes * 1024 * 1024) / 2)}'`;
    assert.deepEqual(problemsOf({ 'pipeline.yml': `steps: [{ script: ${text(9)} }]` }), []);
    assert.equal(problemsOf({ 'pipeline.yml': `steps: [{ script: ${text(11)} }]` }).length, 1, 'read and expanded, it takes twice 11 megabytes');
    const inserting = (times: number): string => ['parameters:', `  - { name: o, type: object, default: [${text(4)}] }`, 'steps:', ...Array.from({ length: times }, () => '  - ${{ parameters.o }}')].join('\n');
    assert.deepEqual(problemsOf({ 'pipeline.yml': inserting(3) }), []);
    assert.match(problemsOf({ 'pipeline.yml': inserting(4) }).join(), /^pipeline\.yml:2:\d+: Maximum memory/, 'read once and inserted four times, it takes 20 megabytes and more');
  });

  it('refuses an expression of more than 21000 characters, and text that compiles into one', () => {
    const script = (text: string): Readonly<Record<string, string>> => ({ 'pipeline.yml': `steps: [{ script: "${text}" }]` });
    const expression = (length: number): string => `'${'x'.repeat(length - 2)}'`;
    assert.deepEqual(problemsOf(script(`\${{ ${expression(21_000)} }}`)), []);
    assert.deepEqual(problemsOf(script(`\${{ ${expression(21_001)} }}`)), ['pipeline.yml:1:19: Exceeded max expression length 21000']);
    // format('…{0}', 'a') has 18 characters besides the text.
    assert.deepEqual(problemsOf(script(`${'x'.repeat(21_000 - 18)}\${{ 'a' }}`)), []);
    assert.deepEqual(problemsOf(script(`${'x'.repeat(21_000 - 17)}\${{ 'a' }}`)), ['pipeline.yml:1:19: Exceeded max expression length 21000']);
  });

  it('refuses an expression nested more than 50 levels deep', () => {
    const nested = (levels: number): Readonly<Record<string, string>> => ({ 'pipeline.yml': `steps: [{ script: "\${{ ${'not('.repeat(levels)}true${')'.repeat(levels)} }}" }]` });
    assert.deepEqual(problemsOf(nested(49)), []);
    assert.deepEqual(problemsOf(nested(50)), ['pipeline.yml:1:19: Exceeded max expression depth 50']);
  });
});

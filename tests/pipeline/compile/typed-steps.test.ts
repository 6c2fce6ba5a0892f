import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Problems } from '../problems.js';
import { readYaml } from '../yaml/read.js';
import type { MapNode } from '../yaml/nodes.js';
import { plainText } from './fixture-cases.js';
import { runnableView, typedView } from './typed-steps.js';

function read(text: string): MapNode {
  const node = readYaml(text, 'p.yml', new Problems());
  assert.ok(node?.kind === 'map');
  return node;
}

describe('shell steps as tasks', () => {
  const steps = [
    '- { script: a, workingDirectory: src, displayName: A, condition: always() }',
    '- { bash: b, failOnStderr: true, env: { X: 1 } }',
    '- { pwsh: c, errorActionPreference: stop, name: n }',
    '- { powershell: d, timeoutInMinutes: 3 }',
    '- { task: T@1, inputs: { script: x } }',
    '- { checkout: none }',
  ].join('\n');
  const written = read(`steps:\n${steps}`);

  it('shows templates the task behind each shell, with its inputs', () => {
    assert.deepEqual(plainText(typedView(written, 'pipeline')), {
      steps: [
        { task: 'CmdLine@2', displayName: 'A', condition: 'always()', inputs: { script: 'a', workingDirectory: 'src' } },
        { task: 'Bash@3', env: { X: '1' }, inputs: { targetType: 'inline', script: 'b', failOnStderr: 'true' } },
        { task: 'PowerShell@2', name: 'n', inputs: { targetType: 'inline', pwsh: 'true', script: 'c', errorActionPreference: 'stop' } },
        { task: 'PowerShell@2', timeoutInMinutes: '3', inputs: { targetType: 'inline', script: 'd' } },
        { task: 'T@1', inputs: { script: 'x' } },
        { checkout: 'none' },
      ],
    });
  });

  it('reads them for a run as they were written', () => {
    const seen = typedView(written, 'pipeline');
    assert.ok(seen.kind === 'map');
    assert.deepEqual(plainText(runnableView(seen)), plainText(written));
  });

  it('leaves tasks alone that run a file or lack their script', () => {
    const tasks = read('steps: [{ task: Bash@3, inputs: { targetType: filePath, filePath: x.sh, script: y } }, { task: Bash@3, inputs: { script: y } }, { task: CmdLine@2, inputs: {} }, { task: PowerShell@2 }]');
    assert.deepEqual(plainText(runnableView(tasks)), plainText(tasks));
  });

  it('finds steps in jobs, stages and deployment hooks, and nothing else', () => {
    const hooks = read('stages: [{ stage: A, jobs: [{ deployment: D, strategy: { rolling: { maxParallel: 2, deploy: { steps: [{ script: a }] }, on: { failure: { steps: [{ script: b }] } } } }, other: { steps: [{ script: c }] } }] }]');
    const task = (script: string): unknown => ({ task: 'CmdLine@2', inputs: { script } });
    assert.deepEqual(plainText(typedView(hooks, 'pipeline')), {
      stages: [
        {
          stage: 'A',
          jobs: [{ deployment: 'D', strategy: { rolling: { maxParallel: '2', deploy: { steps: [task('a')] }, on: { failure: { steps: [task('b')] } } } }, other: { steps: [{ script: 'c' }] } }],
        },
      ],
    });
  });

  it('drops templateContext from stages, jobs and steps of a run', () => {
    const root = read('templateContext: kept\nstages: [{ stage: A, templateContext: { a: 1 }, jobs: [{ job: J, templateContext: { b: 1 }, steps: [{ task: T@1, templateContext: { c: 1 }, inputs: { templateContext: kept } }] }] }]');
    assert.deepEqual(plainText(runnableView(root)), { templateContext: 'kept', stages: [{ stage: 'A', jobs: [{ job: 'J', steps: [{ task: 'T@1', inputs: { templateContext: 'kept' } }] }] }] });
  });
});

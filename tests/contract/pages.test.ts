import assert from 'node:assert/strict';
import bootstrapRoles from '../../templates/bootstrap/roles.json' with { type: 'json' };
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import type { Pipeline } from '../pipeline/compile/model.js';
import { MemoryWorld } from '../pipeline/memory-world.js';
import { describeProblem, PipelineRefused } from '../pipeline/problems.js';
import { checkPipeline } from '../pipeline/run-pipeline.js';
import { serviceTaskNames } from '../pipeline/validate/manifest.js';
import { Network } from '../simulators/kernel/network.js';
import { isRecord } from '../simulators/kernel/service.js';
import { VirtualClock } from '../simulators/kernel/virtual-clock.js';
import { createContoso } from '../simulators/world/contoso.js';
import { codeBlocks, pages, projectFiles, read, root, tasks, type CodeBlock } from './tree.js';

const rings = ['nonprod', 'prod'];

/** The organisation that the examples of the pages are written for. */
const examples = new MemoryWorld({
  connections: rings.flatMap((ring) => [`contoso-${ring}`, `contoso-${ring}-plan`, `contoso-${ring}-audit`]).map((name) => {
    return { id: name, name, type: 'AzureRM', url: 'https://management.azure.com/', scheme: 'WorkloadIdentityFederation', parameters: {}, data: {} };
  }),
  groups: rings.map((ring) => ({ name: `wi-${ring}`, variables: {} })),
  environments: rings,
});

/** A block that is a pipeline, or steps of one. */
function isPipeline({ language, text }: CodeBlock): boolean {
  if (language !== 'yaml') return false;
  const content: unknown = parse(text);
  if (Array.isArray(content)) return content.some((item) => isRecord(item) && 'task' in item);
  return isRecord(content) && ('steps' in content || 'stages' in content || 'jobs' in content);
}

/** Compiles and checks an example as Azure Pipelines would; its refusals, or the pipeline. */
function compiled({ text }: CodeBlock): Pipeline | readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'example-'));
  try {
    const file = join(folder, 'pipeline.yml');
    writeFileSync(file, Array.isArray(parse(text)) ? `steps:\n${text}` : text);
    return checkPipeline({ file, world: examples, tasksFolder: join(root, 'tasks'), repositories: { 'workload-identity': root } });
  } catch (error) {
    if (error instanceof PipelineRefused) return error.problems.map(describeProblem);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tasksOf(pipeline: Pipeline): readonly string[] {
  const steps = pipeline.stages.flatMap(({ jobs }) => jobs.flatMap((job) => job.steps));
  return steps.flatMap((step) => (step.kind === 'task' ? [step.task.split('@')[0] ?? ''] : []));
}

describe('examples of the pages', () => {
  const found = pages.flatMap(codeBlocks).filter(isPipeline);

  it('show every task, and the templates', () => {
    for (const template of ['fleet', 'audit']) assert.ok(found.some(({ text }) => text.includes(`templates/stages/${template}.yml`)), template);
    const shown = found.flatMap(({ text }) => [...text.matchAll(/task: (\w+)@/g)].map((match) => match[1] ?? ''));
    assert.deepEqual([...new Set(shown)].sort(), [...tasks].sort());
  });

  for (const block of found) {
    it(`compile: ${block.page}:${block.line}`, () => {
      const pipeline = compiled(block);
      if (!('stages' in pipeline)) assert.fail(pipeline.join('\n'));
      const own = tasksOf(pipeline).filter((task) => tasks.includes(task));
      assert.deepEqual(tasksOf(pipeline).filter((task) => !own.includes(task) && !serviceTaskNames.includes(task)), []);
      assert.ok(own.length > 0);
    });
  }

  it('are refused when they name an input, a task or a connection that does not exist, or leave a required one out', () => {
    const refusals = (text: string): string => {
      const outcome = compiled({ page: '', line: 0, language: 'yaml', text });
      return 'stages' in outcome ? '' : outcome.join('\n');
    };
    const step = '- task: EnableWorkloadIdentity@1\n  inputs:\n    azureSubscription: contoso-nonprod\n    clusters: rg/aks-1\n';
    assert.equal(refusals(step), '');
    assert.match(refusals(`${step}    cluster: x\n`), /no input 'cluster'/);
    assert.match(refusals(step.replace('@1', '@2')), /task is missing/);
    assert.match(refusals(step.replace('contoso-nonprod', 'fabrikam')), /fabrikam/);
    assert.match(refusals(step.replace('    clusters: rg/aks-1\n', '')), /required for the input 'clusters'/);
  });
});

/** What GitHub makes of a heading for links. */
function anchors(page: string): readonly string[] {
  const text = read(page).replace(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) => (match[1] ?? '').toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-'));
}

describe('links of the pages', () => {
  for (const page of pages) {
    it(`of ${page} lead somewhere`, () => {
      const text = read(page).replace(/^```[^]*?^```$/gm, '').replace(/`[^`]*`/g, '');
      const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '').filter((target) => !/^(https?|mailto):/.test(target));
      const dead = targets.filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(root, file))) return true;
        return anchor !== undefined && !anchors(file).includes(anchor);
      });
      assert.deepEqual(dead, []);
    });
  }
});

describe('docs/permissions.md', () => {
  it('speaks of the roles that the demo runs with: those of the bootstrap', async () => {
    const { roles } = await createContoso(new Network(new VirtualClock()), '');
    const custom = Object.values(bootstrapRoles.custom);
    assert.ok(custom.length > 5);
    for (const { name, actions, dataActions } of custom) {
      const used = roles.definitions().find((definition) => definition.name.startsWith(`${name} (`));
      assert.deepEqual([name, used?.actions, used?.dataActions], [name, actions, dataActions]);
      assert.ok(read('docs/permissions.md').includes(name), name);
    }
  });

  it('names every action that a plan asks for, in the tables or in a role', () => {
    const sources = projectFiles('tasks/_shared').filter((path) => path.endsWith('.ts')).map(read);
    const asked = new Set(sources.flatMap((text) => text.match(/Microsoft\.\w+\/[\w/]+\/(?:write|delete|action)\b/g) ?? []));
    assert.ok(asked.size >= 3, [...asked].join());
    assert.deepEqual([...asked].filter((action) => !read('docs/permissions.md').includes(action)), []);
  });
});

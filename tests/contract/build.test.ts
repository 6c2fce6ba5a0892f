import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildTasks, sizeTable, type BuiltFile } from '../../scripts/build.js';
import { writeFiles } from '../tools/write-files.js';

const project = join(import.meta.dirname, '..', '..');
const manifest = { id: 'x', name: 'Probe', version: { Major: 3, Minor: 0, Patch: 0 }, execution: { Node20_1: { target: 'index.js' } } };

/** A small tree with the same shape as the project: one task that uses the SDKs when asked to, one that never does. */
const tree: Record<string, string> = {
  'package.json': '{"version":"0.14.2"}',
  'tasks/_shared/azure/identity-sdk.ts': "export { ClientSecretCredential } from '@azure/identity';",
  'tasks/_shared/azure/azure.ts': "export async function credential() { const sdk = await import('./identity-sdk.js'); return new sdk.ClientSecretCredential('t', 'c', 's'); }",
  'tasks/_shared/kubernetes/sdk.ts': "export { KubeConfig } from '@kubernetes/client-node';",
  'tasks/_shared/agent/devops-sdk.ts': "export { getBearerHandler, WebApi } from 'azure-devops-node-api';",
  'tasks/_shared/agent/devops.ts':
    "import type { WebApi } from './devops-sdk.js';\n" +
    "export async function devops(): Promise<WebApi> { const sdk = await import('./devops-sdk.js'); return new sdk.WebApi('https://localhost/x', sdk.getBearerHandler('t')); }",
  'tasks/Probe/index.ts': [
    "import { getInput, setResult, TaskResult } from 'azure-pipelines-task-lib/task.js';",
    "import { credential } from '../_shared/azure/azure.js';",
    "import { devops } from '../_shared/agent/devops.js';",
    'async function use(name: string | undefined): Promise<string> {',
    "  if (name === 'azure') return String((await credential()).getToken.length >= 0);",
    "  if (name === 'devops') return (await devops()).serverUrl;",
    "  if (name === 'kubernetes') { const sdk = await import('../_shared/kubernetes/sdk.js'); const config = new sdk.KubeConfig(); config.loadFromOptions({ clusters: [], users: [], contexts: [], currentContext: 'here' }); return config.currentContext; }",
    "  return getInput('missing', true) ?? '';",
    '}',
    "use(getInput('use')).then((text) => setResult(TaskResult.Succeeded, text), (error) => setResult(TaskResult.Failed, error.message));",
  ].join('\n'),
  'tasks/Probe/after.ts': "console.log('cleaned up');",
  'tasks/Probe/task.json': JSON.stringify({ ...manifest, postjobexecution: { Node20_1: { target: 'after.js' } } }),
  'tasks/Probe/README.md': '# Probe',
  'tasks/Probe/icon.png': 'own icon',
  'tasks/Small/index.ts': "console.log('small');",
  'tasks/Small/task.json': JSON.stringify(manifest),
  'tasks/Small/README.md': '# Small',
};

/** Writes a tree inside the project, where its packages are found. */
async function plant(files: Record<string, string>): Promise<string> {
  await mkdir(join(project, 'build'), { recursive: true });
  const root = await mkdtemp(join(project, 'build', 'fixture-'));
  await writeFiles(root, files);
  await cp(join(project, 'images'), join(root, 'images'), { recursive: true });
  return root;
}

describe('build', () => {
  let root: string;
  let out: string;
  let files: BuiltFile[];

  before(async () => {
    root = await plant(tree);
    out = await mkdtemp(join(tmpdir(), 'built-'));
    files = await buildTasks({ root, out });
  });

  after(async () => {
    await Promise.all([root, out].map((folder) => rm(folder, { recursive: true })));
  });

  /** Runs the bundle far from any node_modules; the lines of its standard output. */
  async function run(use: string): Promise<string[]> {
    const env = { PATH: process.env.PATH ?? '', AGENT_TEMPDIRECTORY: out, INPUT_USE: use };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['index.js'], { cwd: join(out, 'Probe'), env });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('##vso[task.debug]'));
  }

  it('writes what each task needs and nothing else', async () => {
    const probe = ['README.md', 'after.js', 'devops-sdk.js', 'icon.png', 'identity-sdk.js', 'index.js', 'kubernetes-sdk.js', 'package.json', 'task.json'];
    assert.deepEqual((await readdir(out)).sort(), ['Probe', 'Small']);
    assert.deepEqual((await readdir(join(out, 'Probe'))).sort(), probe);
    assert.deepEqual((await readdir(join(out, 'Small'))).sort(), ['README.md', 'icon.png', 'index.js', 'package.json', 'task.json']);
    assert.equal(await readFile(join(out, 'Small', 'package.json'), 'utf8'), '{"type":"commonjs"}\n');
  });

  it("fills in the version: the task's own major, the package's minor and patch", async () => {
    const text = await readFile(join(out, 'Probe', 'task.json'), 'utf8');
    const written = JSON.parse(text) as { version: unknown; execution: unknown };
    assert.deepEqual(written.version, { Major: 3, Minor: 14, Patch: 2 });
    assert.deepEqual(written.execution, manifest.execution);
  });

  it("takes the task's own icon, or the common one", async () => {
    assert.equal(await readFile(join(out, 'Probe', 'icon.png'), 'utf8'), 'own icon');
    assert.deepEqual(await readFile(join(out, 'Small', 'icon.png')), await readFile(join(project, 'images', 'task-icon.png')));
  });

  it('makes bundles that run on their own, with each SDK loaded on demand', async () => {
    assert.deepEqual(await run('azure'), ['##vso[task.complete result=Succeeded;]true']);
    assert.deepEqual(await run('devops'), ['##vso[task.complete result=Succeeded;]https://localhost/x']);
    assert.deepEqual(await run('kubernetes'), ['##vso[task.complete result=Succeeded;]here']);
  });

  it('keeps the messages of the task library, and runs without the SDK files until they are needed', async () => {
    await Promise.all(['identity-sdk.js', 'kubernetes-sdk.js', 'devops-sdk.js'].map((file) => rm(join(out, 'Probe', file))));
    const lines = await run('nothing');
    assert.deepEqual(lines.at(-1), '##vso[task.complete result=Failed;]Input required: missing');
    assert.match((await run('azure')).at(-1) ?? '', /result=Failed;\]Cannot find module '\.\/identity-sdk\.js'/);
  });

  it('keeps the SDKs out of index.js', () => {
    const size = (file: string): number => files.find((built) => built.task === 'Probe' && built.file === file)?.bytes ?? 0;
    assert.ok(size('identity-sdk.js') > 200_000);
    assert.ok(size('kubernetes-sdk.js') > 500_000);
    assert.ok(size('index.js') > 50_000 && size('index.js') < 400_000, `index.js has ${size('index.js')} bytes`);
    assert.match(sizeTable(files), /Probe\/index\.js +\d+ KiB\n/);
  });

  const refused: [title: string, change: Record<string, string>, message: RegExp][] = [
    ['a static import of an SDK module', { 'tasks/Small/index.ts': "import { KubeConfig } from '../_shared/kubernetes/sdk.js'; console.log(KubeConfig);" }, /tasks\/Small\/index\.ts imports \.\.\/_shared\/kubernetes\/sdk\.js statically/],
    ['a re-export of an SDK module', { 'tasks/_shared/azure/azure.ts': "export * from './sdk.js'; export const credential = 1;" }, /tasks\/_shared\/azure\/azure\.ts imports \.\/sdk\.js statically/],
    ['an SDK that is imported by its package name', { 'tasks/Small/index.ts': "import { KubeConfig } from '@kubernetes/client-node'; console.log(KubeConfig);" }, /tasks\/Small\/index\.ts imports @kubernetes\/client-node, which only an SDK module may do/],
    ['a task.json without a major version', { 'tasks/Small/task.json': '{"execution":{"Node20_1":{"target":"index.js"}}}' }, /tasks\/Small\/task\.json: version\.Major/],
    ['a handler without a script', { 'tasks/Small/task.json': JSON.stringify({ ...manifest, execution: { Node20_1: {} } }) }, /every handler needs a target/],
    ['a task without a manifest', { 'tasks/Bare/index.ts': '' }, /tasks\/Bare has no task\.json/],
    ['code that esbuild warns of', { 'tasks/Small/index.ts': 'console.log(import.meta.url);' }, /esbuild warns[^]*import\.meta/],
  ];
  for (const [title, change, message] of refused) {
    it(`refuses ${title}`, async () => {
      const broken = await plant({ ...tree, ...change });
      const target = join(broken, 'out');
      await assert.rejects(buildTasks({ root: broken, out: target }), message).finally(() => rm(broken, { recursive: true }));
    });
  }
});

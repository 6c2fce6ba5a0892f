import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildTasks } from '../../scripts/build.js';
import { thirdPartyNotices } from '../../scripts/notices.js';
import { packageExtension, type PackageOrder } from '../../scripts/package.js';
import { listZip } from '../../scripts/zip.js';

const project = join(import.meta.dirname, '..', '..');
const taskManifest = {
  id: '5f3a1c52-9b0e-4b4e-9d6e-0b6f7d1a2c3d',
  name: 'Probe',
  friendlyName: 'Probe',
  description: 'Probes.',
  author: 'test',
  category: 'Deploy',
  visibility: ['Build', 'Release'],
  version: { Major: 0, Minor: 1, Patch: 0 },
  instanceNameFormat: 'Probe',
  inputs: [],
  execution: { Node20_1: { target: 'index.js' } },
};

describe('package', () => {
  let folder: string;
  let order: PackageOrder;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'package-'));
    const root = join(folder, 'root');
    order = { root, tasks: join(folder, 'tasks'), staging: join(folder, 'staging'), out: join(folder, 'out'), notices: 'notices' };
    for (const path of ['vss-extension.json', 'LICENSE', 'CHANGELOG.md', 'package.json', 'images', 'schemas']) {
      await cp(join(project, path), join(root, path), { recursive: true });
    }
    await writeFile(join(root, 'overview.md'), '# Overview');
    const manifest = JSON.parse(await readFile(join(root, 'vss-extension.json'), 'utf8')) as { contributions: { properties: { name: string } }[] };
    for (const { properties } of manifest.contributions) await plantTask(basename(properties.name));
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function plantTask(name: string): Promise<void> {
    const task = join(order.tasks, name);
    await mkdir(task, { recursive: true });
    await writeFile(join(task, 'index.js'), '');
    await writeFile(join(task, 'package.json'), '{"type":"commonjs"}');
    await writeFile(join(task, 'README.md'), `# ${name}`);
    await writeFile(join(task, 'task.json'), JSON.stringify({ ...taskManifest, name }));
    await cp(join(project, 'images', 'task-icon.png'), join(task, 'icon.png'));
  }

  it('makes a VSIX of all tasks with the version of package.json', async () => {
    const vsix = await packageExtension(order);
    const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as { version: string };
    assert.equal(basename(vsix), `aks-workload-identity.aks-workload-identity-${version}.vsix`);
    const entries = await listZip(vsix);
    for (const task of ['SelectClusters', 'EnableWorkloadIdentity', 'FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity', 'AuditWorkloadIdentity']) {
      assert.ok(entries.includes(`tasks/${task}/index.js`), task);
    }
    assert.ok(entries.includes('images/extension-icon.png') && entries.includes('schemas/boundary-policy.schema.json') && entries.includes('overview.md') && entries.includes('LICENSE'));
  });

  it('makes the VSIX of the project itself without a warning, with the licences of what is bundled', async () => {
    const tasks = join(folder, 'built');
    await buildTasks({ root: project, out: tasks });
    const notices = await thirdPartyNotices(project);
    for (const name of ['@azure/identity', '@kubernetes/client-node', 'azure-pipelines-task-lib', 'azure-devops-node-api', 'yaml']) {
      assert.match(notices, new RegExp(`^${name} \\d`, 'm'));
    }
    const entries = await listZip(await packageExtension({ ...order, root: project, tasks, notices }));
    assert.ok(entries.includes('ThirdPartyNotices.txt'));
    assert.deepEqual(entries.filter((entry) => entry.endsWith('.ts')), []);
  });

  it('takes another publisher', async () => {
    assert.match(basename(await packageExtension({ ...order, publisher: 'contoso' })), /^contoso\.aks-workload-identity-/);
  });

  it('refuses when a built task is not contributed', async () => {
    await plantTask('Stray');
    await assert.rejects(packageExtension(order), /vss-extension\.json contributes .* but built are .*tasks\/Stray/);
  });

  it('refuses when tfx warns, as of a task.json that breaks its schema', async () => {
    await writeFile(join(order.tasks, 'SelectClusters', 'task.json'), JSON.stringify({ ...taskManifest, id: 'no guid' }));
    await assert.rejects(packageExtension(order), /tfx complains:[^]*id is a required guid/);
  });

  it('refuses to ship sources and tests, and a task that lacks a file', async () => {
    const stray = join(order.tasks, 'SelectClusters', 'index.ts');
    await writeFile(stray, '');
    await assert.rejects(packageExtension(order), /must not hold tasks\/SelectClusters\/index\.ts/);
    await rm(stray);
    await rm(join(order.tasks, 'GrantRegistryRole', 'README.md'));
    await assert.rejects(packageExtension(order), /lacks tasks\/GrantRegistryRole\/README\.md/);
  });
});

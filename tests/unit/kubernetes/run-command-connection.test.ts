import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ClusterConnection } from '../../../tasks/_shared/kubernetes/connection.js';
import { kinds } from '../../../tasks/_shared/kubernetes/objects.js';
import { filesOf } from '../../simulators/world/command-pod.js';
import { problemOf } from './cluster-world.js';
import { CommandWorld } from './command-world.js';

/** kubectl of a pod against the API server: what a shell runs there needs Linux or macOS. */
(process.platform === 'win32' ? describe.skip : describe)('connection by run command', function () {
  this.timeout(120_000);
  let world: CommandWorld;
  let connection: ClusterConnection;
  const commands = (): typeof world.world.arm.clusters.commands => world.world.arm.clusters.commands;
  const config = { apiVersion: 'v1', kind: 'ConfigMap' };

  before(async () => {
    world = await CommandWorld.start();
    world.seclude();
    connection = await world.open();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: 'db', labels: { team: 'a' }, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"p":"canary-annotation"}}' } }, data: { p: Buffer.from('canary-value').toString('base64') } };
    world.api.put(secret);
    world.api.put({ ...config, metadata: { namespace: 'default', name: 'big' }, data: { text: 'x' } });
  });
  after(() => world.close());
  afterEach(() => (commands().knobs.outputLimit = 512 * 1024));

  it('does what the direct one does, in one command for what is asked at the same time', async () => {
    const [version, found, none, accounts, allowed, rehearsed, served, unserved] = await Promise.all([
      connection.version(),
      connection.get({ ...kinds.namespace, name: 'default' }),
      connection.get({ ...kinds.namespace, name: 'none' }),
      connection.list(kinds.serviceAccount, 'default'),
      connection.can({ verb: 'create', group: 'apps', resource: 'deployments', namespace: 'default' }),
      connection.rehearse({ ...kinds.namespace, metadata: { name: 'never' } }),
      connection.served('apps/v1'),
      connection.served('nobody.io/v1'),
      connection.remove({ ...kinds.namespace, name: 'nothing' }),
    ]);
    assert.deepEqual([version, found?.metadata.name, none, accounts.map(({ kind, metadata }) => [kind, metadata.name]), allowed], ['v1.33.2', 'default', undefined, [['ServiceAccount', 'default']], true]);
    assert.equal(rehearsed.metadata.name, 'never');
    assert.deepEqual([served?.find(({ kind }) => kind === 'Deployment'), unserved], [{ kind: 'Deployment', plural: 'deployments', namespaced: true }, undefined]);
    assert.ok(!world.api.list('Namespace').some(({ metadata }) => metadata.name === 'never'));
    assert.equal(commands().ran.length, 1);
    assert.deepEqual(connection.needs?.().map(({ action }) => action.split('/').slice(-2).join('/')), ['runcommand/action', 'commandResults/read']);
  });

  it('applies fields of its own, names who owns others, and deletes', async () => {
    const mine = { ...config, metadata: { namespace: 'default', name: 'mine' }, data: { a: '1' } };
    assert.deepEqual((await connection.apply(mine)).data, { a: '1' });
    assert.deepEqual((await connection.apply({ ...mine, data: { a: '3' } }, { dryRun: true })).data, { a: '3' });
    const theirs = await problemOf(connection.apply({ ...mine, data: { a: '2' } }, { part: 'other' }));
    assert.deepEqual([theirs.code, theirs.because], ['WI4004', 'aks-workload-identity owns .data.a with another value']);
    const [typo] = await Promise.all([problemOf(connection.apply({ ...mine, dat: {} })), connection.remove({ ...config, namespace: 'default', name: 'mine' })]);
    assert.match(typo.because, /unknown field|field not declared/);
    assert.ok(!world.api.list('ConfigMap', 'default').some(({ metadata }) => metadata.name === 'mine'));
  });

  it('lets neither values of secrets nor tokens pass', async () => {
    const secret = { ...kinds.secret, namespace: 'default', name: 'db' };
    const refused = await Promise.all([
      problemOf(connection.get(secret)),
      problemOf(connection.list(kinds.secret, 'default')),
      problemOf(connection.apply({ ...kinds.secret, metadata: { namespace: 'default', name: 'x' }, stringData: { a: 'canary-sent' } })),
      problemOf(connection.rehearse({ ...kinds.secret, metadata: { namespace: 'default', name: 'x' }, data: { a: 'canary-sent' } })),
      problemOf(connection.serviceAccountToken('default', 'default', 'api://x', 600)),
    ]);
    assert.deepEqual(refused.map(({ code }) => code), ['WI4511', 'WI4511', 'WI4510', 'WI4510', 'WI4509']);
    const [listed] = await connection.list(kinds.secret, 'default', 'team=a', { metadataOnly: true });
    assert.deepEqual([listed?.metadata.name, listed?.metadata.namespace, listed?.metadata.labels, listed?.metadata.annotations, listed?.data], ['db', 'default', { team: 'a' }, undefined, undefined]);
    for (const { context, command, output } of commands().ran) {
      const files = [...(await filesOf(context)).values()].join('\n');
      for (const text of [files, command, output ?? '']) assert.doesNotMatch(text, /canary|Y2FuYXJ5/);
    }
  });

  it('asks in smaller pieces for what comes back cut, and says what does not fit at all', async () => {
    for (let index = 0; index < 6; index += 1) world.api.put({ ...config, metadata: { namespace: 'default', name: `c-${index}` }, data: { text: createHash('sha512').update(String(index)).digest('hex').repeat(2) } });
    commands().knobs.outputLimit = 2_100;
    const found = await connection.list(config, 'default');
    assert.deepEqual(found.map(({ metadata }) => metadata.name).filter((name) => String(name).startsWith('c-')), ['c-0', 'c-1', 'c-2', 'c-3', 'c-4', 'c-5']);
    assert.ok(commands().ran.length > 3);
    commands().knobs.outputLimit = 200;
    const problem = await problemOf(connection.list(config, 'default'));
    assert.deepEqual([problem.code, problem.tried], ['WI4506', 'list ConfigMap objects in namespace default']);
  });

  it('fails with a command that ends with exit code 1 and state Succeeded', async () => {
    commands().knobs.faults.set('aks-1', [{ kind: 'exit', exitCode: 1, logs: 'error: no space left on device' }]);
    const { code, because } = await problemOf(connection.get({ ...kinds.namespace, name: 'default' }));
    assert.deepEqual([code, because], ['WI4505', 'it ended with exit code 1, although its state is Succeeded: error: no space left on device']);
  });
});

import assert from 'node:assert/strict';
import { complaint, helmTries, kubectlTries, type Try } from '../demo/client-tries.js';
import { printedAccess, type PrintedAccess } from '../demo/printed-access.js';
import { textAt } from '../simulators/kubernetes/objects/values.js';
import type { KubernetesApi } from '../simulators/kubernetes/kubernetes-api.js';

describe('clients that are not ours, by the printed instructions', function () {
  this.timeout(120_000);
  let access: PrintedAccess;

  before(async () => {
    access = await printedAccess();
  });

  after(() => access.close());

  /** The cluster that the kubeconfig names first: where commands without a context go. */
  const cluster = (): KubernetesApi => access.stage.world.clusters.values().next().value!;

  /** @param within part of the path of the writes that are looked at: others may come from what runs meanwhile. */
  async function attempt(each: Try, within = ''): Promise<void> {
    const writes = (): string[] => access.stage.world.network.log.writes().map(({ method, path }) => `${method} ${path}`).filter((text) => text.includes(within));
    const before = writes().length;
    assert.equal(complaint(each, await access.run(each.command, each.input)), undefined);
    if (each.readOnly === true) assert.deepEqual(writes().slice(before), [], each.command);
  }

  it('run each command that the instructions show', async () => {
    assert.ok(access.shown.length >= 8, access.shown.join('\n'));
    assert.ok(['kubectl', 'helm3', 'helm4'].every((program) => access.shown.some((line) => line.startsWith(`${program} `))));
    for (const command of access.shown) await attempt({ command });
    const contexts = await access.run('kubectl config get-contexts -o name');
    assert.deepEqual(contexts.stdout.trim().split('\n').sort(), [...access.stage.world.clusters.keys()].sort());
    for (const name of access.stage.world.clusters.keys()) await attempt({ command: `kubectl --context ${name} get namespaces`, shows: /kube-system\s+Active/ });
  });

  it('kubectl: get, apply, diff, create, token, can-i, and whatever else is typed', async () => {
    for (const each of kubectlTries) {
      await attempt(each);
      if (each.command.includes('apply --server-side')) assert.equal(textAt(cluster().find('ConfigMap', 'k', 'greeting'), 'data', 'text'), 'ahoy');
      if (each.command.includes('rollout undo')) assert.equal(cluster().find('Deployment', 'k', 'web')?.metadata.labels?.tier, 'front');
    }
    assert.deepEqual([cluster().find('Namespace', undefined, 'k'), cluster().list('Pod', 'k')], [undefined, []]);
  });

  it('helm 3 and helm 4, side by side: install, upgrade, rollback and uninstall a chart of every kind, with --wait', async () => {
    await Promise.all((['helm3', 'helm4'] as const).map(async (helm) => {
      const password = (): string => textAt(cluster().find('Secret', helm, 'app'), 'data', 'password');
      const greeting = (): string => textAt(cluster().find('ConfigMap', helm, 'app'), 'data', 'greeting');
      let first = '';
      for (const each of helmTries(helm)) {
        await attempt(each, `/namespaces/${helm}`);
        if (each.command.startsWith(`${helm} install`)) {
          first = password();
          assert.deepEqual([greeting(), cluster().list('Pod', helm).length], ['hello', 6]);
          assert.equal(cluster().find('Job', helm, 'app-migration'), undefined, 'the hook succeeded and is gone');
          assert.ok(cluster().find('widgets', helm, 'app') !== undefined, 'the custom resource came with its definition');
        }
        if (each.command.includes('greeting=ahoy')) {
          assert.deepEqual([greeting(), cluster().find('Deployment', helm, 'app')?.metadata.generation], ['ahoy', 2]);
          assert.equal(password(), first, 'lookup found the secret of the release');
        }
        if (each.command.startsWith(`${helm} rollback`)) assert.equal(greeting(), 'hello');
      }
      const left = ['Deployment', 'StatefulSet', 'DaemonSet', 'Secret', 'Ingress', 'Role', 'widgets'].flatMap((kind) => cluster().list(kind, helm));
      assert.deepEqual(left.map(({ kind, metadata }) => `${kind} ${metadata.name}`), []);
      assert.deepEqual(cluster().list('PersistentVolumeClaim', helm).map(({ metadata }) => metadata.name).sort(), ['data-app-0', 'data-app-1'], 'claims of a stateful set stay');
    }));
  });
});

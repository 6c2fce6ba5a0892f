import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifests } from '../../../tasks/_shared/kubernetes/chart.js';
import { injectIdentity, type PodIdentity } from '../../../tasks/_shared/kubernetes/identity-injection.js';
import { podTemplateOf } from '../../../tasks/_shared/kubernetes/pod-templates.js';
import { inspectRendering } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import { assertMounted } from '../../../tasks/_shared/kubernetes/vault-faults.js';
import { unmountedContainers, type VaultMounts } from '../../../tasks/_shared/kubernetes/vault-mounts.js';
import { className, classSpec, type VaultSecrets } from '../../../tasks/_shared/kubernetes/vault-secrets.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { sourceRenderer } from '../../tools/source-renderer.js';
import { clientId, otherClientId, tenantId } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';

const vault: VaultMounts = { secretProviderClass: 'orders-vault-0123456789', paths: { api: '/mnt/secrets', migrate: '/run/vault' } };
const plain: PodIdentity = { namespace: 'orders', serviceAccount: 'api', clientId, tenantId };
const identity: PodIdentity = { ...plain, vault };
const pod = (spec: string, name = 'p'): string => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  labels: {azure.workload.identity/use: 'true'}\n  annotations: {aks-workload-identity/client-id: '${clientId}'}\nspec:\n  serviceAccountName: api\n${spec}`;
const both = '  containers:\n  - name: api # first\n    image: a\n  - name: sidecar\n    image: b\n  initContainers:\n  - {name: migrate, image: c}\n';
const volumeLine = '{name: "aks-wi-vault", csi: {driver: "secrets-store.csi.k8s.io", readOnly: true, volumeAttributes: {secretProviderClass: "orders-vault-0123456789"}}}';

describe('mounting secrets of a vault', () => {
  it('puts the volume into the pod and the mounts into the containers that are named, and changes nothing else', () => {
    const expected = pod(both)
      .replace('spec:\n', `spec:\n  volumes: [${volumeLine}]\n`)
      .replace('  - name: api # first\n', '  - volumeMounts: [{name: "aks-wi-vault", mountPath: "/mnt/secrets", readOnly: true}]\n    name: api # first\n')
      .replace('{name: migrate', '{volumeMounts: [{name: "aks-wi-vault", mountPath: "/run/vault", readOnly: true}], name: migrate');
    assert.equal(injectIdentity(pod(both), identity), expected);
    assert.equal(injectIdentity(expected, identity), expected, 'a second time changes nothing');
  });

  it('goes beside volumes and mounts that are there, in every pod template that runs as the service account, and into no other', () => {
    const own = pod('  containers:\n  - name: api\n    volumeMounts:\n    - {name: tmp, mountPath: /tmp}\n  - {name: migrate}\n  volumes:\n  - name: tmp\n    emptyDir: {}\n');
    const cron = `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: api, containers: [{name: api}]}}}}}\n`;
    const other = pod(both, 'other').replace('serviceAccountName: api', 'serviceAccountName: cache');
    const [first, job, third] = parseManifests(injectIdentity([own, cron, other].join('---\n'), identity));
    assert.ok(first !== undefined && job !== undefined && third !== undefined);
    const spec = first.spec as { containers: { volumeMounts: { name: string }[] }[]; volumes: { name: string }[] };
    assert.deepEqual(spec.volumes.map(({ name }) => name), ['aks-wi-vault', 'tmp']);
    assert.deepEqual(spec.containers.map(({ volumeMounts }) => volumeMounts.map(({ name }) => name)), [['aks-wi-vault', 'tmp'], ['aks-wi-vault']]);
    assert.deepEqual(unmountedContainers(podTemplateOf(job) ?? {}, vault), []);
    assert.deepEqual(third, parseManifests(other)[0]);
  });

  it('leaves a pod alone that has none of the containers, and refuses when no pod has one of them', () => {
    const without = pod('  containers: [{name: sidecar}]\n', 'q');
    assert.ok(injectIdentity(`${pod(both)}---\n${without}`, identity).endsWith(without));
    assert.throws(() => injectIdentity(without, identity), /no pod that runs as service account api has a container api$/);
    assert.equal(injectIdentity(without, plain), without);
  });

  const look = (manifests: string, { hooks = true, ...more }: { readonly hooks?: boolean; readonly syncSecret?: string } = {}): string[] => {
    const { namespace, ...rest } = identity;
    return inspectRendering(manifests, { identity: { ...rest, vault: { ...vault, ...more }, mode: 'inject' }, namespace, hooks, policy: { ...strictPolicy, latestImages: 'warn' } }).faults.map(({ parts }) => `${parts.code} ${parts.what}: ${parts.because}`);
  };

  const faulty: readonly (readonly [title: string, manifests: string, faults: readonly RegExp[], options?: { readonly hooks?: boolean; readonly syncSecret?: string }])[] = [
    ['a container that no pod has', pod('  containers: [{name: web}, {name: api}]\n'), [/^WI4702 No pod of the chart has a container migrate: pod orders\/p has web, api$/]],
    ['nothing of containers where no pod runs as the service account', pod(both).replace('serviceAccountName: api', 'serviceAccountName: x'), [/^WI4204 /]],
    ['another volume of the name', pod(`${both}  volumes: [{name: aks-wi-vault, emptyDir: {}}]\n`), [/^WI4703 .*pod orders\/p: it has another volume aks-wi-vault$/]],
    ['another mount at the path', pod(both.replace('    image: a\n', '    volumeMounts: [{name: tmp, mountPath: /mnt/secrets/}]\n')), [/^WI4703 .*: container api has volume tmp mounted at \/mnt\/secrets$/]],
    ['a volume that is said by a reference', `base: &v [{name: a}]\n${pod(`${both}  volumes: *v\n`)}`, [/^WI4211 .*: spec\.volumes is a reference to another place$/]],
    ['a hook that helm keeps to itself', `${pod(both)}---\n${pod(both, 'hook').replace('annotations: {', 'annotations: {helm.sh/hook: pre-upgrade, ')}`, [/^WI4704 The hook pod orders\/hook would run without.*: input secretMounts names its container api, migrate/], { hooks: false }],
    ['a Secret of the chart that is to be synced', `${pod(both)}---\napiVersion: v1\nkind: Secret\nmetadata: {name: orders-db}\n`, [/^WI4706 The chart makes secret orders\/orders-db itself/], { syncSecret: 'orders-db' }],
  ];
  for (const [title, manifests, faults, options] of faulty) {
    it(`finds ${title}, before anything is sent`, () => {
      const found = look(manifests, options);
      assert.equal(found.length, faults.length, found.join('\n'));
      found.forEach((fault, index) => assert.match(fault, faults[index]!));
    });
  }

  it('finds nothing wrong with a hook that helm lets be changed', () => {
    assert.deepEqual(look(pod(both).replace('annotations: {', 'annotations: {helm.sh/hook: pre-upgrade, ')), []);
  });

  it('is looked for in pods that run', () => {
    const [mounted] = parseManifests(injectIdentity(pod(both), identity));
    const running = { ...mounted!, apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p-1' } };
    assertMounted('orders/orders', 'aks-1', [running], vault);
    const bare = { ...running, metadata: { name: 'p-2' }, spec: parseManifests(pod(both))[0]!.spec };
    assert.throws(() => assertMounted('orders/orders', 'aks-1', [running, bare], vault), (error) => error instanceof Problem && error.code === 'WI4708' && /^1 of 2 running pods .*\(p-2\)$/.test(error.parts.what) && error.parts.because === 'pod p-2 lacks the mount in container api, migrate');
    assert.throws(() => assertMounted('orders/orders', 'aks-1', [running], { ...vault, secretProviderClass: 'orders-vault-9' }), /WI4708|do not have the secrets/);
  });

  it('reaches the program that helm pipes manifests through', () => {
    const folder = mkdtempSync(join(tmpdir(), 'aks-wi-mounts-'));
    try {
      const file = join(folder, 'identity.json');
      const run = (content: object, input: string): { status: number | null; stdout: string; stderr: string } => {
        writeFileSync(file, JSON.stringify(content));
        return spawnSync(sourceRenderer.program, [...sourceRenderer.arguments, file], { input, encoding: 'utf8' });
      };
      assert.equal(run(identity, pod(both)).stdout, injectIdentity(pod(both), identity));
      const taken = run(identity, pod(`${both}  volumes: [{name: aks-wi-vault, emptyDir: {}}]\n`));
      assert.deepEqual([taken.status, taken.stdout], [1, '']);
      assert.match(taken.stderr, /the secrets of the vault cannot be mounted: it has another volume aks-wi-vault/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the class of a release', () => {
  const secrets: VaultSecrets = { vault: 'kv-orders', cloud: '', objects: [{ objectName: 'orders-db', objectType: 'secret' }, { objectName: 'tls', objectType: 'cert' }], paths: vault.paths };
  const reader = { clientId, tenantId };

  it('says what AKS documents for workload identity', () => {
    assert.deepEqual(classSpec(secrets, reader), {
      provider: 'azure',
      parameters: {
        usePodIdentity: 'false',
        clientID: clientId,
        keyvaultName: 'kv-orders',
        cloudName: '',
        tenantId,
        objects: 'array:\n  - |\n    objectName: "orders-db"\n    objectType: secret\n    objectVersion: ""\n  - |\n    objectName: "tls"\n    objectType: cert\n    objectVersion: ""\n',
      },
    });
    const { secretObjects } = classSpec({ ...secrets, syncSecret: 'db' }, reader);
    assert.deepEqual(secretObjects, [{ secretName: 'db', type: 'Opaque', data: [{ objectName: 'orders-db', key: 'orders-db' }, { objectName: 'tls', key: 'tls' }] }]);
  });

  it('has another name for other content, and the same for the same', () => {
    const others = [
      className('orders', { ...secrets, vault: 'kv-other' }, reader),
      className('orders', { ...secrets, cloud: 'AzureChinaCloud' }, reader),
      className('orders', { ...secrets, objects: secrets.objects.slice(1) }, reader),
      className('orders', { ...secrets, syncSecret: 'db' }, reader),
      className('orders', secrets, { ...reader, clientId: otherClientId }),
      className('o'.repeat(53), secrets, reader),
    ];
    const name = className('orders', secrets, reader);
    assert.match(name, /^orders-vault-[0-9a-f]{10}$/);
    assert.equal(className('orders', { ...secrets, paths: { web: '/x' } }, reader), name, 'where it is mounted is no matter of the class');
    assert.equal(new Set([name, ...others]).size, others.length + 1);
  });
});

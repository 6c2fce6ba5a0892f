import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { injectIdentity, type PodIdentity } from '../../../tasks/_shared/kubernetes/identity-injection.js';
import { HelmProcess } from '../../../tasks/_shared/kubernetes/helm-process.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { sourceRenderer } from '../../tools/source-renderer.js';
import { clientId, tenantId } from './cluster-world.js';

const identity: PodIdentity = { namespace: 'orders', serviceAccount: 'api', clientId, tenantId };
const account = (more = ''): string => `apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: api\n${more}`;
const pod = (account_: string, more = ''): string => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n${more}spec:\n  serviceAccountName: ${account_}\n`;

describe('putting an identity into manifests', () => {
  it('annotates the service account, labels and stamps what runs as it', () => {
    assert.equal(injectIdentity(account(), identity), account().replace('  name: api', `  annotations:\n    azure.workload.identity/client-id: "${clientId}"\n    azure.workload.identity/tenant-id: "${tenantId}"\n  name: api`));
    assert.equal(injectIdentity(pod('api'), identity), pod('api').replace('  name: p', `  annotations:\n    aks-workload-identity/client-id: "${clientId}"\n  labels:\n    azure.workload.identity/use: "true"\n  name: p`));
    assert.match(injectIdentity(account(), { ...identity, tokenSeconds: 7200 }), /azure\.workload\.identity\/service-account-token-expiration: "7200"/);
  });

  it('leaves other accounts, other namespaces and other kinds as they are', () => {
    const others = [account().replace('name: api', 'name: cache'), account('  namespace: elsewhere\n'), pod('cache'), pod('default'), pod('api', '  namespace: elsewhere\n'), 'kind: ConfigMap\nmetadata: {name: api}\nspec: {serviceAccountName: api}\n', '# nothing\n'];
    const all = others.join('---\n');
    assert.equal(injectIdentity(all, identity), all);
  });

  it('goes into lists, and changes nothing the second time', () => {
    const listed = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: api\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  spec: {serviceAccountName: api}\n`;
    const once = injectIdentity(`${listed}---\n${pod('api')}`, identity);
    assert.equal(once.split(clientId).length, 4);
    assert.equal(injectIdentity(once, identity), once);
    assert.notEqual(injectIdentity(once, { ...identity, clientId: tenantId }), once);
  });

  it('takes credentials out of what runs as the account, and of the account itself', () => {
    const without = [{ kind: 'env', name: 'PASSWORD' }, { kind: 'envFrom', name: 'acr-env' }, { kind: 'mount', name: 'docker' }, { kind: 'imagePullSecret', name: 'acr' }] as const;
    const of = (name: string, more: readonly string[]): string => `${pod(name)}${more.map((line) => `  ${line}\n`).join('')}`;
    const lines = ['imagePullSecrets: [{name: other}, {name: acr}]', 'initContainers:', '- name: first', '  env: [{name: PASSWORD, value: x}]', 'containers:', '- name: api', '  env:', '  - name: MODE', '  - name: PASSWORD # of the registry', '  envFrom:', '  - secretRef: {name: acr-env}', '  - configMapRef: {name: acr-env}', '  volumeMounts:', '  - {name: docker, mountPath: /a}', '  - {name: docker, mountPath: /b}', 'volumes:', '- name: docker', '  emptyDir: {}'];
    const left = ['imagePullSecrets: [{name: other}]', 'initContainers:', '- name: first', '  env: []', 'containers:', '- name: api', '  env:', '  - name: MODE', '  envFrom:', '  - configMapRef: {name: acr-env}', '  volumeMounts: []', 'volumes: []'];
    assert.equal(injectIdentity(of('api', lines), { ...identity, without }), injectIdentity(of('api', left), identity));
    assert.equal(injectIdentity(of('cache', lines), { ...identity, without }), of('cache', lines));
    assert.equal(injectIdentity(account('imagePullSecrets:\n- name: acr\n'), { ...identity, without }), injectIdentity(account('imagePullSecrets: []\n'), identity));
  });

  it('takes credentials out of containers that get files of a vault', () => {
    const vault = { secretProviderClass: 'wi', paths: { api: '/mnt/x' } };
    const source = (volumes: string, mounts: string): string => `${pod('api')}  containers:\n  - name: api\n    volumeMounts:\n${mounts}  volumes:\n${volumes}`;
    const before = source('  - name: docker\n  - name: cache\n', '    - name: docker\n    - name: cache\n');
    const after = source('  - name: cache\n', '    - name: cache\n');
    assert.equal(injectIdentity(before, { ...identity, vault, without: [{ kind: 'mount', name: 'docker' }] }), injectIdentity(after, { ...identity, vault }));
  });

  it('leaves hooks alone where helm keeps them to itself', () => {
    const hook = pod('api', '  annotations: {helm.sh/hook: pre-upgrade}\n');
    assert.equal(injectIdentity(hook, identity, { hooks: false }), hook);
    assert.notEqual(injectIdentity(hook, identity), hook);
  });
});

describe('the program that helm pipes manifests through', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aks-wi-render-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (file: string, input: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } => {
    const { status, stdout, stderr } = spawnSync(sourceRenderer.program, [...sourceRenderer.arguments, file], { input, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  it('does what the function does', () => {
    const file = join(folder, 'identity.json');
    const whole = { ...identity, without: [{ kind: 'imagePullSecret', name: 'acr' }] } as const;
    writeFileSync(file, JSON.stringify(whole));
    const input = account('imagePullSecrets: [{name: acr}]\n');
    assert.deepEqual(run(file, input), { status: 0, stdout: injectIdentity(input, whole), stderr: '' });
  });

  it('ends with a message, and hands nothing on, for manifests that cannot be edited and an identity that is not whole', () => {
    const file = join(folder, 'identity.json');
    writeFileSync(file, JSON.stringify(identity));
    const shared = run(file, `base: &b {a: b}\n${account('  annotations: *b\n')}`);
    assert.deepEqual([shared.status, shared.stdout], [1, '']);
    assert.match(shared.stderr, /^the identity could not be put into the chart: document 1: metadata\.annotations is a reference to another place$/m);
    writeFileSync(file, '{"namespace":"orders"}');
    assert.match(run(file, account()).stderr, /the file of the identity is not whole/);
    assert.equal(run(join(folder, 'gone.json'), account()).status, 1);
  });

  it('has to be there where something is to be injected', async () => {
    const process_ = new HelmProcess({ environment: {}, tempDirectory: folder, clock: systemClock() });
    await assert.rejects(process_.run(['upgrade'], { executable: 'helm', signal: new AbortController().signal, inject: { identity, helmMajor: 4 } }), /nothing is there to inject identities with/);
  });
});

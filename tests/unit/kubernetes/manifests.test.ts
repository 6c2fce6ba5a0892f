import assert from 'node:assert/strict';
import { inWaves } from '../../../tasks/_shared/kubernetes/apply-order.js';
import { readManifests, type Manifests } from '../../../tasks/_shared/kubernetes/manifests.js';

const read = (...texts: readonly string[]): Manifests => readManifests(texts.map((text, index) => ({ path: `f${index}.yaml`, text })), 'orders');
const flawsOf = (...texts: readonly string[]): string[] => read(...texts).flaws.map(({ path, because, remedy }) => `${path}: ${because} → ${remedy}`);
const object = (kind: string, name: string, more = ''): string => `{apiVersion: v1, kind: ${kind}, metadata: {name: ${name}}${more}}\n`;

describe('manifests', () => {
  it('are read from several documents, lists in lists, JSON, and whatever has comments or nothing between', () => {
    const { objects, flaws } = read(
      `# first\n---\n${object('ConfigMap', 'a')}---\n# nothing\n---\n---\n${object('Secret', 'a')}...\n`,
      `{"apiVersion": "v1", "kind": "List", "items": [${object('Pod', 'p')}, {"apiVersion": "v1", "kind": "ConfigMapList", "items": [${object('ConfigMap', 'b')}]}]}`,
      'apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: c\r\n  namespace: orders\r\n',
      '',
    );
    assert.deepEqual(flaws, []);
    assert.deepEqual(objects.map(({ kind, metadata }) => `${kind} ${String(metadata.name)}`), ['ConfigMap a', 'Secret a', 'Pod p', 'ConfigMap b', 'ConfigMap c']);
  });

  it('mean what they mean to kubectl: YAML 1.1, with dates as texts, anchors and merge keys resolved', () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: &shared {x: "1"}}
spec:
  flag: yes
  quoted: "yes"
  mode: 0644
  day: 2001-12-14
  time: 12:30
  size: 1_000
  same: *shared
  merged: {<<: *shared, z: "2"}
`;
    const { flag, quoted, mode, day, time, size, same, merged } = read(text).objects[0]?.spec as Record<string, unknown>;
    assert.deepEqual({ flag, quoted, mode, day, time, size, same, merged }, { flag: true, quoted: 'yes', mode: 420, day: '2001-12-14', time: '12:30', size: 1000, same: { x: '1' }, merged: { x: '1', z: '2' } });
  });

  it('tell everything that is wrong with them at once, where it is, and nothing of what they hold', () => {
    const flaws = flawsOf(
      'password: canary\n',
      `${object('ConfigMap', 'a')}---\nkind: ConfigMap\nmetadata: {name: b}\n---\n- canary\n`,
      'a: "canary',
      'a: 1\na: 2\n',
      '{{ if .Values.canary }}\na: 1\n{{ end }}\n',
      'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: canary-}\n',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, uid: 1}\n',
      object('ConfigMap', 'd, namespace: kube-system'),
      object('Namespace', 'kube-system'),
      `${object('ConfigMap', 'a')}---\n${object('ConfigMap', 'e')}---\n${object('ConfigMap', 'e')}`,
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n',
      'a: *canary\n',
    );
    const wanted = [
      /^f0.yaml: it has no apiVersion, so it is no manifest → give Kubernetes manifests only/,
      /^f1.yaml: document 2: it has no apiVersion/,
      /^f1.yaml: document 3: it has no apiVersion/,
      /^f2.yaml: it is not YAML: missing char at line 1, column 11 → correct the file; templates have to be rendered first$/,
      /^f3.yaml: it is not YAML: duplicate key at line 2, column 1/,
      /^f4.yaml: it is not YAML: .* at line \d/,
      /^f5.yaml: its Job has no metadata.name → give it a name: what has only a generateName would be made anew by each run$/,
      /^f6.yaml: config map c has metadata.uid, so it was read from a cluster → take out metadata.uid/,
      /^f7.yaml: config map kube-system\/d is for another namespace than orders → deploy it as a set of its own/,
      /^f8.yaml: namespace kube-system is another one than orders → leave it out/,
      /^f9.yaml: document 1: config map a is in f1.yaml already → leave one of the two$/,
      /^f9.yaml: document 3: config map e is in it already/,
      /^f10.yaml: it is a kustomization, which the task does not render → render it first \(kubectl kustomize <folder> > manifests.yaml\)/,
      /^f11.yaml: it has no apiVersion|^f11.yaml: it is not YAML/,
    ];
    for (const [index, form] of wanted.entries()) assert.match(flaws[index] ?? '', form);
    assert.equal(flaws.length, wanted.length, flaws.join('\n'));
    assert.ok(!flaws.join('\n').includes('canary'));
    assert.match(readManifests([{ path: 'deploy/Kustomization', text: 'resources: []' }], 'orders').flaws[0]?.because ?? '', /it is a kustomization/);
    assert.deepEqual(flawsOf(object('Namespace', 'orders')), []);
  });

  it('are applied definitions and accounts first, workloads before the rest, and what intercepts requests last', () => {
    const kinds = ['Ingress', 'Gateway', 'ValidatingWebhookConfiguration', 'Deployment', 'Service', 'Secret', 'RoleBinding', 'ServiceAccount', 'Job', 'CustomResourceDefinition'];
    const waves = inWaves(kinds.map((kind) => ({ apiVersion: 'v1', kind })), (one) => one);
    assert.deepEqual(waves.map((wave) => wave.map(({ kind }) => kind).join(' ')), ['CustomResourceDefinition', 'ServiceAccount', 'RoleBinding', 'Secret', 'Service', 'Deployment Job', 'Ingress Gateway', 'ValidatingWebhookConfiguration']);
  });
});

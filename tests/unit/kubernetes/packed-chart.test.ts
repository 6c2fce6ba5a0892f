import assert from 'node:assert/strict';
import { packedChart } from '../../../tasks/_shared/kubernetes/packed-chart.js';
import { releaseLine } from '../../../tasks/_shared/kubernetes/release-line.js';
import { cargoRefusals, secretRefusals } from '../../../tasks/_shared/kubernetes/unsendable.js';

const rendered = `---
# Source: orders/crds/widgets.yaml
kind: CustomResourceDefinition
---
# Source: orders/charts/sub/crds/more.yaml
kind: CustomResourceDefinition
---
# Source: orders/templates/crds/kept.yaml
kind: ConfigMap
data:
  text: |
    {{ not a template }}
    ---- not an end
--- # a comment
# Source: orders/templates/hook.yaml
kind: Job
metadata: {annotations: {helm.sh/hook: pre-install}}
`;

describe('packed chart', () => {
  it('holds manifests as they are beside one template, and definitions in their own folder', () => {
    const files = new Map(packedChart({ name: 'orders', version: '1.2.3', appVersion: '4' }, rendered).map(({ path, content }) => [path, content]));
    assert.deepEqual([...files.keys()], ['Chart.yaml', 'templates/objects.yaml', 'objects.yaml', 'crds/definitions.yaml']);
    assert.equal(files.get('Chart.yaml'), 'apiVersion: v2\nname: orders\nversion: 1.2.3\nappVersion: "4"\n');
    assert.equal(files.get('templates/objects.yaml'), '{{ .Files.Get "objects.yaml" }}\n');
    assert.match(files.get('objects.yaml') ?? '', /^---\n# Source: orders\/templates\/crds\/kept\.yaml\nkind: ConfigMap[^]*\{\{ not a template \}\}\n {4}---- not an end\n---\n# Source: orders\/templates\/hook/);
    assert.equal(files.get('crds/definitions.yaml')?.match(/kind: CustomResourceDefinition/g)?.length, 2);
    assert.deepEqual(packedChart({ name: 'x' }, '---\nkind: A\n').map(({ path }) => path), ['Chart.yaml', 'templates/objects.yaml', 'objects.yaml']);
  });

  it('takes the line of an upgrade apart: what renders, and what deploys', () => {
    const values = { fileName: 'values-0.yaml', content: 'a: 1' };
    const line = releaseLine(['upgrade', 'orders', { folder: 'chart' }, '--values', values, '--install', '--namespace', 'shop', '--reset-values', '--wait=legacy', '--timeout', '90s', '--history-max', '10', '--labels', 'x=1,y=2.3']);
    assert.deepEqual(line, {
      command: 'upgrade', release: 'orders', rest: [{ folder: 'chart' }], rendering: ['--values', values],
      operating: ['--install', '--namespace', 'shop', '--reset-values', '--timeout', '90s', '--history-max', '10', '--labels', 'x=1,y=2.3'],
      namespace: 'shop', timeoutMs: 90_000, labels: { x: '1', y: '2.3' }, waits: true,
    });
    assert.deepEqual(releaseLine(['rollback', 'orders', '3', '--namespace', 'shop', '--wait', '--timeout', '60s']).rest, ['3']);
    assert.deepEqual(releaseLine(['uninstall', 'orders', '--namespace', 'shop']).rest, []);
    assert.throws(() => releaseLine(['upgrade', 'orders', { folder: 'chart' }, '--set', 'b=2']), /--set is not made for run commands/);
  });

  it('has secrets with values refused, and no others', () => {
    const secret = (body: string): string => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${body}`;
    const manifests = [secret('data: {a: canary-value}'), secret('stringData: {a: canary-value}'), secret('type: Opaque'), secret('data: {}'), 'kind: ConfigMap\ndata: {a: b}'].join('\n---\n');
    const refusals = secretRefusals(manifests, 'aks-1');
    assert.deepEqual(refusals.map(({ code }) => code), ['WI4510', 'WI4510']);
    assert.ok(!JSON.stringify(refusals.map(({ parts }) => parts)).includes('canary'));
    assert.deepEqual(cargoRefusals({ manifests, secretValues: true, token: 'orders/api' }, 'aks-1').map(({ code }) => code), ['WI4517', 'WI4510', 'WI4510', 'WI4509']);
    assert.equal(secretRefusals(`kind: List\nitems:\n- {kind: Secret, metadata: {name: s}, data: {a: b}}\n`, 'aks-1').length, 1);
  });
});

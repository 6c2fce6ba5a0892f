import assert from 'node:assert/strict';
import { newlyWidening, wideningEffect, wideningObjects, withoutDefinitions } from '../../../tasks/_shared/kubernetes/release-widening.js';
import { renderedObjects } from '../../../tasks/_shared/kubernetes/rendered-objects.js';
import { inProcessCluster, type ClusterWorld } from './cluster-world.js';

const rbac = 'apiVersion: rbac.authorization.k8s.io/v1';
const role = (verbs: string): string => `---\n${rbac}\nkind: ClusterRole\nmetadata: {name: reader}\nrules: [{apiGroups: [""], resources: [nodes], verbs: [${verbs}]}]\n`;
const binding = `---\n${rbac}\nkind: ClusterRoleBinding\nmetadata: {name: all}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: ServiceAccount, name: api, namespace: orders}, {kind: Group, name: everybody}]\n`;
const webhook = '---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: check}\nwebhooks: []\n';
const definition = '---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: queues.contoso.example}\nspec: {}\n';
const plain = '---\napiVersion: v1\nkind: Service\nmetadata: {name: api}\n';

const told = (manifests: string): string[] => wideningObjects(renderedObjects(manifests, 'orders'), 'orders').map(({ ref, effect }) => `${ref.kind} ${ref.name}: ${effect}`);

describe('what of a chart widens', () => {
  it('is RBAC, definitions, what intercepts requests, and what is of other namespaces', () => {
    assert.deepEqual(told(role('get, list') + binding + webhook + definition + plain + plain.replace('{name: api}', '{name: api, namespace: billing}')), [
      'ClusterRole reader: get/list nodes',
      'ClusterRoleBinding all: ClusterRole cluster-admin for api, group everybody',
      'ValidatingWebhookConfiguration check: looks into requests of all of the cluster',
      'CustomResourceDefinition queues.contoso.example: defines a kind for all of the cluster',
      'Service api: is not of the release’s namespace',
    ]);
  });

  it('is read of the folder crds by its names alone', () => {
    const source = (path: string, text: string): string => `---\n# Source: ${path}\n${text}`;
    const block = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    a.example/name: wrong\n    name: wrong\n  name: tables.contoso.example\nspec: {}\n';
    const rendered = source('shop/crds/all.yaml', `${block}---\n${definition.replace('---\n', '')}`) + source('shop/templates/service.yaml', plain.replace('---\n', ''));
    const { manifests, definitions } = withoutDefinitions(rendered);
    assert.deepEqual(definitions.map(({ ref, once }) => [ref.name, once]), [['tables.contoso.example', true], ['queues.contoso.example', true]]);
    assert.deepEqual(renderedObjects(manifests, 'orders').map(({ ref }) => ref.kind), ['Service']);
    assert.equal(withoutDefinitions(plain).manifests, plain);
    assert.deepEqual([true, false].map((first) => wideningEffect(definitions, first, []).widens), [true, false]);
  });

  describe('is compared with the cluster', () => {
    let world: ClusterWorld;
    beforeEach(async () => {
      world = await inProcessCluster();
    });
    afterEach(() => world.close());

    const changed = async (manifests: string): Promise<string[]> => {
      const found = await newlyWidening(world.connection, wideningObjects(renderedObjects(manifests, 'orders'), 'orders'));
      return found.map(({ ref }) => ref.name);
    };

    it('so that only what is new or differs counts', async () => {
      assert.deepEqual(await changed(role('get') + binding), ['reader', 'all']);
      for (const { content } of renderedObjects(role('get') + binding, 'orders')) world.api.put({ ...content, metadata: content.metadata } as Parameters<typeof world.api.put>[0]);
      assert.deepEqual(await changed(role('get') + binding), []);
      assert.deepEqual(await changed(role('get, list') + binding), ['reader']);
      assert.deepEqual(await changed(role('get').replace('{name: reader}', '{name: reader, labels: {helm.sh/chart: shop-2}}')), []);
      assert.deepEqual(await changed(role('get').replace('{name: reader}', '{name: reader, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}')), ['reader']);
    });

    it('and counts where the cluster does not say', async () => {
      for (const { content } of renderedObjects(role('get'), 'orders')) world.api.put(content as Parameters<typeof world.api.put>[0]);
      world.knobs.allows = ({ resource }) => resource !== 'clusterroles';
      assert.deepEqual(await changed(role('get')), ['reader']);
    });
  });

  it('is told one by one as far as a plan can be read', () => {
    const many = Array.from({ length: 10 }, (_, index) => role('get').replace('reader', `reader-${index}`)).join('');
    const { fields, widens } = wideningEffect(wideningObjects(renderedObjects(many, 'orders'), 'orders'), true, [{ field: 'digest', after: 'x' }]);
    assert.equal(widens, true);
    assert.deepEqual(fields.map(({ field }) => field).slice(0, 2), ['digest', 'cluster role reader-0']);
    assert.deepEqual(fields.at(-1), { field: 'and others', after: 'cluster role reader-8, cluster role reader-9' });
  });
});

import assert from 'node:assert/strict';
import { renderedObjects } from '../../../tasks/_shared/kubernetes/rendered-objects.js';
import { checkSending, defaultSeverity, type SendPolicy } from '../../../tasks/_shared/kubernetes/send-checks.js';
import { strictPolicy } from './send-policies.js';

/** What is found, as `severity code what: because`. */
function found(manifests: string, policy: Partial<SendPolicy> = {}, again?: string): string[] {
  const of = (text: string): ReturnType<typeof renderedObjects> => renderedObjects(text, 'orders');
  const findings = checkSending({ objects: of(manifests), namespace: 'orders', serviceAccount: 'api', source: 'the chart', policy: { ...strictPolicy, ...policy }, ...(again === undefined ? {} : { again: of(again) }) });
  return findings.map(({ severity, problem: { parts } }) => `${severity} ${parts.code} ${parts.what}: ${parts.because}`);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (fields: string, name = 'db'): string => `---\napiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${fields}\n`;
const deployment = (container: string, pod = 'serviceAccountName: api', metadata = ''): string =>
  `---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {template: {metadata: {${metadata}}, spec: {${pod}, containers: [{name: app, ${container}}]}}}\n`;
const binding = (kind: string, subject: string, more = ''): string =>
  `---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: {name: watch${more}}\nroleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, ${subject}}]\n`;
const certificate = '-----BEGIN CERTIFICATE-----\nMIIBcanary\n-----END CERTIFICATE-----\n';

describe('checks before anything is sent', () => {
  describe('of secrets', () => {
    it('refuse data, by its keys and never by its values', () => {
      const [fault, ...others] = found(secret(`data: {password: ${base64('canary')}, user: ${base64('orders')}}`));
      assert.match(fault ?? '', /^error WI4220 The chart would send secret orders\/db with data: password, user have values in what is deployed/);
      assert.deepEqual(others, []);
      assert.doesNotMatch(JSON.stringify(found(secret('stringData: {password: canary}'))), /canary/);
      assert.match(found(secret('stringData: {password: canary}'))[0] ?? '', /^error WI4220 .*password has a value/);
    });

    it('say what the data look like', () => {
      const config = JSON.stringify({ auths: { 'contoso.azurecr.io': { username: 'contoso', password: 'canary' } } });
      assert.match(found(secret(`type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: ${base64(config)}}`))[0] ?? '', /which look like a registry admin user/);
    });

    it('let pass what has nothing to hide', () => {
      assert.deepEqual(found(secret('type: Opaque')), []);
      assert.deepEqual(found(secret('data: {later: ""}')), []);
      assert.deepEqual(found(secret(`data: {ca.crt: ${base64(certificate.repeat(2))}}`)), []);
      assert.equal(found(secret(`data: {tls.pem: ${base64(`${certificate}-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n`)}}`)).length, 1);
    });

    it('tell what a second rendering makes up anew, and refuse the rest of the same secret', () => {
      const of = (made: string): string => secret(`data: {password: ${base64(made)}, user: ${base64('orders')}}`);
      const findings = found(of('canary1'), {}, of('canary2'));
      assert.match(findings[0] ?? '', /^error WI4220 .*user has a value/);
      assert.match(findings[1] ?? '', /^warn WI4220 The chart makes up data of secret orders\/db: password differ each time/);
      assert.equal(findings.length, 2);
    });

    it('tell of tokens that do not expire', () => {
      assert.match(found(secret('type: kubernetes.io/service-account-token')).join(), /^warn WI4220 The chart would ask for a token that does not expire, in secret orders\/db/);
    });

    it('only warn where the policy says so, and let pass what is listed', () => {
      const manifests = secret('stringData: {password: canary, user: canary}') + secret('stringData: {tls.key: canary}', 'webhook-tls');
      assert.deepEqual(found(manifests, { plainSecrets: 'warn' }).map((one) => one.split(' ')[0]), ['warn', 'warn']);
      const listed = (...allowedSecrets: string[]): string[] => found(manifests, { plainSecrets: 'allow-list', allowedSecrets });
      assert.deepEqual(listed('Secret/db', 'secret/*-tls'), []);
      assert.match(listed('Secret/db/password', 'Secret/webhook-tls/tls.*').join('|'), /^error WI4220 [^|]*orders\/db with data: user has a value[^|]*$/);
      assert.equal(listed('ConfigMap/db', 'Secret/d').length, 2);
      assert.equal(found(manifests, { allowedSecrets: ['Secret/*'] }).length, 2, 'a list counts with allow-list only');
    });
  });

  describe('of credentials elsewhere', () => {
    const key = `AccountName=orders;AccountKey=${'a'.repeat(86)}==`;

    it('name container and variable, never the value', () => {
      const [fault] = found(deployment(`image: 'a:1', env: [{name: DB_PASSWORD, value: canary}, {name: STORE, value: "${key}"}, {name: MODE, value: fast}]`));
      assert.match(fault ?? '', /^error WI4221 The chart would send deployment orders\/app with a credential in it: container app sets DB_PASSWORD to a value of its own; container app sets STORE to what looks like a storage connection string$/);
    });

    it('see arguments and config maps', () => {
      assert.match(found(deployment(`image: 'a:1', args: ["--store=${key}"]`))[0] ?? '', /container app has what looks like a storage connection string among its arguments$/);
      const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {store: "${key}", mode: fast}\n`;
      assert.match(found(map).join('|'), /^error WI4221 The chart would send config map orders\/settings with a credential in it: store holds what looks like a storage connection string$/);
      assert.deepEqual(found(map, { plainSecrets: 'allow-list', allowedSecrets: ['ConfigMap/settings/store'] }), []);
    });

    it('let references, switches and names of secrets pass', () => {
      const env = '[{name: ALLOW_EMPTY_PASSWORD, value: "yes"}, {name: ORDERS_VAULT_SECRET, value: orders-db}, {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}, {name: DB_PASSWORD_FILE, value: /run/db}, {name: OTHER_PASSWORD, value: $(DB_PASSWORD)}]';
      assert.deepEqual(found(deployment(`image: 'a:1', env: ${env}`)), []);
    });

    it('let a variable pass that is listed', () => {
      const manifests = deployment("image: 'a:1', env: [{name: DB_PASSWORD, value: canary}, {name: API_KEY, value: canary}]");
      assert.match(found(manifests, { plainSecrets: 'allow-list', allowedSecrets: ['Deployment/app/DB_PASSWORD'] }).join('|'), /^error WI4221 [^;|]*: container app sets API_KEY to a value of its own$/);
    });
  });

  describe('of images', () => {
    for (const image of ['contoso/app', 'contoso/app:latest', 'localhost:5000/app']) {
      it(`refuse ${image}`, () => {
        assert.match(found(deployment(`image: '${image}'`)).join('|'), /^error WI4222 The chart would run an image in deployment orders\/app that can become another one: container app: /);
        assert.match(found(deployment(`image: '${image}'`), { latestImages: 'warn' }).join('|'), /^warn WI4222 /);
      });
    }
    for (const image of ['contoso/app:1', 'localhost:5000/app:1', `contoso/app@sha256:${'0'.repeat(64)}`, `contoso/app:latest@sha256:${'0'.repeat(64)}`]) {
      it(`accept ${image}`, () => assert.deepEqual(found(deployment(`image: '${image}'`)), []));
    }
  });

  describe('of the identity’s marks', () => {
    const use = 'azure.workload.identity/use: "true"';
    const account = (annotations: string): string => `---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: cache, annotations: {${annotations}}}\n`;
    const other = deployment("image: 'a:1'", 'serviceAccountName: cache', `labels: {${use}}`);

    it('tell of a label and an annotation that the webhook never sees', () => {
      const labelled = `---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api, labels: {${use}}}\n`;
      assert.match(found(labelled).join('|'), /^warn WI4223 What service account orders\/api says of an identity has no effect: the label .* is on the ServiceAccount itself/);
      const annotated = deployment("image: 'a:1'", 'serviceAccountName: api', 'annotations: {azure.workload.identity/client-id: x}');
      assert.match(found(annotated).join('|'), /^warn WI4223 .*the annotation .* is not on a service account/);
      assert.deepEqual(found(deployment("image: 'a:1'", 'serviceAccountName: api', `labels: {${use}}`)), []);
    });

    it('refuse labelled pods whose account certainly has no identity, and tell of those whose account is somebody else’s', () => {
      assert.match(found(other + account('')).join('|'), /^error WI4223 Pods of deployment orders\/app are labelled for an identity that they do not get: they run as service account cache, which the chart would make without a client id/);
      assert.match(found(other.replace('serviceAccountName: cache', 'restartPolicy: Always')).join('|'), /^error WI4223 .*as service account default/);
      assert.match(found(other).join('|'), /^warn WI4223 .*which the chart would not make/);
      assert.deepEqual(found(other + account('azure.workload.identity/client-id: x')), []);
    });
  });

  describe('of other namespaces', () => {
    it('refuse objects that are not of the release’s, unless they are listed', () => {
      const place = (namespace: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: ${namespace}}\n`;
      assert.match(found(place('billing')).join('|'), /^error WI4224 The chart would write config map billing\/x: it is not of namespace orders, and billing is not among otherNamespaces$/);
      assert.match(found(place('kube-system')).join('|'), /^error WI4224 .*kube-system belongs to the cluster itself/);
      assert.match(found('apiVersion: v1\nkind: Namespace\nmetadata: {name: extra}\n').join('|'), /^error WI4224 The chart would write namespace extra/);
      assert.deepEqual(found(place('billing'), { otherNamespaces: ['billing'] }), []);
      assert.deepEqual(found(place('orders') + '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: orders}\n'), []);
    });

    it('refuse bindings that let service accounts of others in', () => {
      assert.match(found(binding('RoleBinding', 'name: prometheus, namespace: monitoring')).join('|'), /^error WI4225 .* by role binding orders\/watch: its subjects name monitoring\/prometheus; /);
      assert.match(found(binding('ClusterRoleBinding', 'name: api, namespace: default')).join('|'), /^error WI4225 .* by cluster role binding watch: its subjects name default\/api/);
      assert.deepEqual(found(binding('RoleBinding', 'name: prometheus, namespace: monitoring'), { otherNamespaces: ['monitoring'] }), []);
      assert.deepEqual(found(binding('RoleBinding', 'name: api') + binding('ClusterRoleBinding', 'name: api, namespace: orders')), []);
    });
  });

  it('are strict with one’s own, and tell what somebody else wrote', () => {
    assert.deepEqual([undefined, 'folder', 'package', 'manifests', 'repository', 'oci'].map((origin) => defaultSeverity(origin as 'folder')), ['error', 'error', 'error', 'error', 'warn', 'warn']);
  });

  it('find everything at once', () => {
    const codes = found(secret('stringData: {a: canary}') + deployment('image: a, env: [{name: PASSWORD, value: canary}]') + binding('RoleBinding', 'name: x, namespace: y')).map((one) => one.split(' ')[1]);
    assert.deepEqual(codes, ['WI4220', 'WI4221', 'WI4222', 'WI4225']);
  });
});

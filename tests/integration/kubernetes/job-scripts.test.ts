import assert from 'node:assert/strict';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { fileURLToPath } from 'node:url';
import { PodProof } from '../../../tasks/_shared/kubernetes/pod-proof.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { itemsAt, textAt, type KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { helmOf } from '../../tools/kube-tools.js';
import { clientId, tenantId } from '../../unit/kubernetes/cluster-world.js';
import { deployRelease, told } from '../../unit/kubernetes/release-world.js';
import { eachWithCluster, issuer, real, type Cluster } from './backend.js';

const folder = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));

// The simulator runs no scripts; its jobs succeed after a while.
if (real && process.platform !== 'win32') {
  describe('a job on kube-apiserver, whose script the loop in place of the kubelet runs', () => {
    let cluster: Cluster;
    eachWithCluster(async (given) => {
      cluster = given;
      const { namespace } = cluster;
      await cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'api', namespace, annotations: { 'azure.workload.identity/client-id': clientId } } });
    });

    /** Runs a script as the service account; the pod when it has ended. */
    async function ran(script: string): Promise<KubernetesObject> {
      const container = { name: 'proof', image: 'contoso/proof:1', command: ['/bin/sh', '-c', script] };
      const template = { metadata: { labels: { 'azure.workload.identity/use': 'true' } }, spec: { serviceAccountName: 'api', restartPolicy: 'Never', containers: [container] } };
      await cluster.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'proof', namespace: cluster.namespace }, spec: { backoffLimit: 0, template } });
      for (;;) {
        const ended = (await cluster.list('Pod')).find(({ status }) => ['Succeeded', 'Failed'].includes(textAt(status, 'phase')));
        if (ended !== undefined) return ended;
        await systemClock().sleep(100);
      }
    }
    const ending = (pod: KubernetesObject): { exitCode?: number; message?: string } => itemsAt(pod, 'status', 'containerStatuses').map((status) => (status.state as { terminated: object }).terminated)[0] ?? assert.fail();

    it('reads the token that the webhook mounted, and leaves its verdict as the termination message', async () => {
      const pod = await ran('test "$AZURE_CLIENT_ID" && cut -d. -f2 "$AZURE_FEDERATED_TOKEN_FILE" > /dev/termination-log');
      const { exitCode, message = '' } = ending(pod);
      assert.equal(exitCode, 0);
      const claims = JSON.parse(Buffer.from(message.trim(), 'base64url').toString('utf8')) as Record<string, unknown>;
      assert.equal(claims.sub, `system:serviceaccount:${cluster.namespace}:api`);
      assert.deepEqual(claims.aud, ['api://AzureADTokenExchange']);
      assert.equal(textAt(claims, 'kubernetes.io', 'pod', 'name'), pod.metadata.name);
    });

    it('fails with its exit code', async () => {
      const { exitCode, message } = ending(await ran('echo refused > /dev/termination-log; exit 3'));
      assert.deepEqual([exitCode, message], [3, 'refused\n']);
    });

    it('is the one of a proof: its token is exchanged where the webhook says, and nothing of it is left', async () => {
      const { namespace, connection, clock, abort: { signal }, network, knobs } = cluster;
      const seen: unknown[] = [];
      // Entra, as far as it looks at the token of a service account.
      const entra = await network.attach({
        name: 'entra',
        handle: async ({ body }) => {
          const form = new URLSearchParams(body.toString('utf8'));
          const keys = createLocalJWKSet(await cluster.keys());
          const { payload } = await jwtVerify(form.get('client_assertion') ?? '', keys, { issuer, audience: 'api://AzureADTokenExchange' }).catch((error: unknown) => ({ payload: { sub: String(error) } }));
          seen.push([form.get('client_id'), form.get('scope'), payload.sub]);
          if (payload.sub !== `system:serviceaccount:${namespace}:api`) return { status: 400, body: { error: 'invalid_client', error_description: 'AADSTS700211: no such credential', error_codes: [700211] } };
          return { status: 200, body: { token_type: 'Bearer', expires_in: 3600, access_token: 'canary-access-token' } };
        },
      });
      knobs.webhook.authorityHost = `${entra}/`;
      const { result } = await deployRelease(cluster, { helmPath: await helmOf(4), release: 'orders', namespace, chart: { folder, valuesFiles: [], values: '{serviceAccount: {create: false, name: api}}' } });
      assert.equal(result.result, 'succeeded', told(result));
      const writes: string[] = [];
      const context = { signal, fresh: true, progress: () => undefined, write: <T>({ action, object }: { action: string; object: string }, send: (accepted: () => void) => Promise<T>) => {
        writes.push(`${action} ${object.split('/').at(-1) ?? ''}`);
        return send(() => undefined);
      } };
      const proof = new PodProof({ connection, clock, namespace, release: 'orders', serviceAccount: 'api', image: 'contoso/curl:8', scope: 'https://management.azure.com/.default', secrets: [], timeoutMs: 30_000 });
      assert.deepEqual(await proof.run({ clientId, tenantId, vault: null }, context), { level: 'exercised', summary: 'token from inside a pod' });
      assert.deepEqual(seen, [[clientId, 'https://management.azure.com/.default', `system:serviceaccount:${namespace}:api`]]);
      assert.deepEqual(writes, ['create wi-proof-orders', 'delete wi-proof-orders']);
      assert.deepEqual(await cluster.list('Job'), []);

      const stranger = new PodProof({ connection, clock, namespace, release: 'orders', serviceAccount: 'default', image: 'contoso/curl:8', scope: 'https://management.azure.com/.default', secrets: [], timeoutMs: 0 });
      await assert.rejects(stranger.run({ clientId, tenantId, vault: null }, context), (error: unknown) => error instanceof Problem);
      assert.deepEqual(await cluster.list('Job'), []);
    });
  });
}

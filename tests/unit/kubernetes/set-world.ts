import assert from 'node:assert/strict';
import { ManifestBlueprint } from '../../../tasks/_shared/kubernetes/manifest-blueprint.js';
import { ManifestSet } from '../../../tasks/_shared/kubernetes/manifest-set.js';
import { readManifests } from '../../../tasks/_shared/kubernetes/manifests.js';
import type { NamedCredential } from '../../../tasks/_shared/kubernetes/named-credentials.js';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import type { IdentityMode } from '../../../tasks/_shared/kubernetes/chart.js';
import { RolloutProof } from '../../../tasks/_shared/kubernetes/rollout-proof.js';
import type { TakeBack } from '../../../tasks/_shared/kubernetes/take-back.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { SendPolicy } from '../../../tasks/_shared/kubernetes/send-checks.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { FieldChange } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clientId, tenantId, verdictOf, type ClusterSession } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';

/** What to deploy into namespace orders for service account api, and how. */
export interface SetWish {
  readonly manifests: string;
  /** Default: orders. */
  readonly set?: string;
  /** Default: orders. */
  readonly namespace?: string;
  readonly clientId?: string;
  readonly timeoutMs?: number;
  readonly identityMode?: IdentityMode;
  readonly atomic?: boolean;
  readonly overwrite?: boolean;
  /** Default: none. */
  readonly without?: readonly NamedCredential[];
  /** Default: {@link strictPolicy}, but for secrets and images without a tag, of which it warns. */
  readonly policy?: SendPolicy;
  readonly dryRun?: boolean;
  /** Takes back what was deployed, also once the run is over. */
  readonly takeBack?: TakeBack;
}

/** What a deployment of a set came to. */
export interface SetRun {
  readonly result: RunResult;
  readonly set: ManifestSet;
}

/** Deploys as DeployWithIdentity does: the namespace, the set, and the proof by its pods. */
export async function deploySet(world: ClusterSession, wish: SetWish): Promise<SetRun> {
  const { connection, clock, abort } = world;
  const { manifests: text, set: release = 'orders', namespace: place = 'orders', clientId: id = clientId, timeoutMs = 60_000, identityMode = 'inject', atomic = true, overwrite = false, policy = { ...strictPolicy, plainSecrets: 'warn', latestImages: 'warn' }, dryRun = false, without } = wish;
  const read = readManifests([{ path: 'all.yaml', text }], place);
  assert.deepEqual(read.flaws, []);
  const settings = { connection, clock, signal: abort.signal, namespace: place, serviceAccount: 'api', release, timeoutMs, identityMode, atomic, overwrite, policy, manifests: read.objects, ...(without === undefined ? {} : { without }) };
  const namespace = new Namespace(connection, place);
  const refs = { namespace: output(namespace, (state) => state.name), clientId: value(id), tenantId: value(tenantId) };
  const blueprint = new ManifestBlueprint(settings);
  const set = new ManifestSet(blueprint, refs, [], [], wish.takeBack);
  const resources = [namespace, set];
  const result = await world.run(resources, [new RolloutProof(blueprint.settings, refs, resources.map(({ key }) => key))], dryRun);
  return { result, set };
}

/** Deploys, and insists on success. Gives what was planned for the set. */
export async function deployed(world: ClusterSession, wish: SetWish): Promise<{ readonly action: string; readonly reason: string; readonly fields: readonly FieldChange[] }> {
  const { result, set } = await deploySet(world, wish);
  assert.equal(result.result, 'succeeded', briefly(result));
  const change = result.plan.find(({ resource }) => resource.key === set.key)?.change;
  assert.ok(change !== undefined && change.action !== 'blocked');
  return { action: change.action, reason: change.reason, fields: 'fields' in change ? change.fields : [] };
}

/** Deploys, and insists on failure. Gives the problem of the set. */
export async function refused(world: ClusterSession, wish: SetWish): Promise<ProblemParts> {
  const { result, set } = await deploySet(world, wish);
  assert.equal(result.result, 'failed', briefly(result));
  const { problem } = verdictOf(result, set.key);
  assert.ok(problem !== undefined, briefly(result));
  return problem;
}

export const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api}\n';
export const config = (text = 'a'): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: ${text}}\n`;
export const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {selector: {app: api}, ports: [{port: 80, protocol: TCP}]}\n';

/** A deployment of one container. */
export function deployment(image = 'api:1', name = 'api', more = ''): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      serviceAccountName: api
      containers:
        - {name: main, image: "${image}"${more}}
`;
}

/** Documents in one file. */
export function file(...documents: readonly string[]): string {
  return documents.join('---\n');
}

/** What a run came to, for the message of an assertion; states are left out, since they hold all manifests. */
function briefly({ plan, applied, proofs }: RunResult): string {
  return JSON.stringify({ plan: plan.map(({ change }) => change), applied: applied.map(({ outcome }) => ({ ...outcome, state: undefined })), proofs: proofs.map(({ outcome }) => outcome) }, undefined, 1).slice(0, 5_000);
}

import { Problem } from '../reconcile/problem.js';
import type { Evidence } from '../reconcile/proof.js';
import type { ClusterConnection } from './connection.js';
import { kinds, type ClusterObject } from './objects.js';
import type { ExpectedIdentity } from './pod-identity.js';
import { annotationWrong, labelMissing } from './rollout-verdict.js';
import { serviceAccountState } from './service-account.js';
import { ofHelm, workload, type Belonging, type Workload } from './workloads.js';

/** A release of whose pods none runs as the service account, and none is meant to right now. */
export interface RestingRelease {
  readonly connection: ClusterConnection;
  readonly namespace: string;
  readonly release: string;
  readonly serviceAccount: string;
  /** What its objects are known by. Default: Helm's marks. */
  readonly belonging?: Belonging;
  /** Deployments, stateful sets and daemon sets that run as the service account and want no pod. */
  readonly scaledDown: readonly Workload[];
}

/** What makes pods now and then, or only once. */
const occasional = [kinds.cronJob, kinds.job, kinds.replicaSet, kinds.pod];

/**
 * Looks at what the next pods will be made from, where there is no pod to look at: templates and service account.
 * @throws Problem WI4301 or WI4302 when the next pods would start without this identity.
 */
export async function restingEvidence(resting: RestingRelease, expected: ExpectedIdentity): Promise<Evidence> {
  const { connection, namespace, serviceAccount: name, release } = resting;
  const title = `${namespace}/${release}`;
  const tried = `check pod templates and service account of ${title}: no pod runs now`;
  const what = `The next pods of ${title} on ${connection.label} would not have this identity`;
  const others = await occasionalUsers(resting);
  const users = [...resting.scaledDown, ...others];
  for (const user of users) {
    const verdict = labelMissing(user);
    if (verdict !== undefined) throw new Problem({ ...verdict, what, tried });
  }
  const found = await connection.get({ ...kinds.serviceAccount, namespace, name });
  const account = found === undefined ? undefined : serviceAccountState(found, { namespace, name });
  const verdict = annotationWrong(`${namespace}/${name}`, expected, account);
  if (verdict !== undefined) throw new Problem({ ...verdict, what, tried });
  const exception = others.length === 0 ? '' : `, but for what ${titles(others)} may have started`;
  return { level: 'observed', summary: `no pod runs now${exception}; service account ${namespace}/${name} carries client id ${expected.clientId}${labelled(users)}` };
}

function labelled(users: readonly Workload[]): string {
  if (users.length === 0) return '; nothing else to look at is left in the cluster';
  return ` and the pod template of ${titles(users)} has the label`;
}

function titles(users: readonly Workload[]): string {
  return users.map(({ title }) => title).join(', ');
}

/** What is left of them in the cluster: Helm removes hooks, and finished jobs may be set to go. */
async function occasionalUsers({ connection, namespace, release, serviceAccount, belonging = ofHelm(namespace, release) }: RestingRelease): Promise<Workload[]> {
  const list = (kind: (typeof occasional)[number]): Promise<readonly ClusterObject[]> =>
    connection.list(kind, namespace, belonging.labelSelector).catch((error: unknown) => {
      // Deploying a chart of jobs takes no right to list them, and the chart's templates were looked at before.
      if (error instanceof Problem && error.code === 'WI4003') return [];
      throw error;
    });
  const found = (await Promise.all(occasional.map(list))).flat().filter((each) => belonging.owns(each));
  return found.map((each) => workload(each, namespace)).filter((user) => user.serviceAccount === serviceAccount);
}

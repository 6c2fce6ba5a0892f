import { objects, object, text } from '../fleet/json.js';
import { Limiter } from '../reconcile/limits.js';
import { Problem } from '../reconcile/problem.js';
import { isAboutRequest, missingCode } from './api-errors.js';
import type { ApplyOptions } from './connection.js';
import { kinds, nameOf, type ObjectRef } from './objects.js';
import { manifestPart } from './service-account.js';
import { requestsAtATime, type SetComparison, type SetPlace, type SetStep } from './set-comparison.js';
import type { PlacedKinds } from './set-kinds.js';

/** Code of the Problem of a field that another manager owns with another value. */
const conflictCode = 'WI4004';

/** What the cluster would say to the steps of a set. */
export interface Rehearsal {
  readonly refusals: readonly Problem[];
  /** Fields that would be taken over from others, where that is asked for: who owns what, by object. */
  readonly takeovers: readonly { readonly ref: ObjectRef; readonly owners: string }[];
}

/** How a set's objects are applied. */
export function applying({ ref }: { readonly ref: ObjectRef }, force: boolean): ApplyOptions {
  return { part: manifestPart, force, ...(ref.plural === undefined ? {} : { plural: ref.plural }) };
}

/**
 * Applies every step without storing anything, so that conflicts, unknown fields, admission and immutable fields are known all at once before the first
 * write. What depends on something that the set itself has yet to make cannot be rehearsed and is left to the write.
 * @param overwrite true where fields of other managers are taken over
 */
export async function rehearseSet({ connection }: SetPlace, { steps }: Pick<SetComparison, 'steps'>, placed: PlacedKinds, overwrite: boolean): Promise<Rehearsal> {
  const limiter = new Limiter(requestsAtATime);
  const [refusals, takeovers]: [Problem[], { ref: ObjectRef; owners: string }[]] = [[], []];
  const tryOut = async ({ item }: SetStep, force: boolean): Promise<Problem | undefined> => {
    try {
      await connection.apply(item.object, { ...applying(item, force), dryRun: true });
      return undefined;
    } catch (error) {
      if (!(error instanceof Problem) || !isAboutRequest(error)) throw error;
      const unknownYet = error.code === missingCode && placed.of(item.ref)?.defined === true;
      if (unknownYet) return undefined;
      return isFrozenJob(item.ref, error) ? runningJob({ connection }, item.ref) : error;
    }
  };
  const results = await Promise.all(
    steps.filter((step) => canBeRehearsed(step, steps)).map((step) =>
      limiter.run(async () => {
        const problem = await tryOut(step, false);
        if (problem?.code !== conflictCode || !overwrite) return { step, problem };
        return { step, problem: await tryOut(step, true), owners: problem.parts.because };
      }),
    ),
  );
  for (const { step, problem, owners } of results) {
    if (problem !== undefined) refusals.push(problem);
    else if (owners !== undefined) takeovers.push({ ref: step.item.ref, owners });
  }
  return { refusals, takeovers };
}

/** Admission looks up the account of a bare pod, and the API server the rules of the role that a binding names. Source: Kubernetes docs, service account admission; RBAC, privilege escalation. */
const dependent: readonly string[] = [kinds.pod.kind, 'RoleBinding', 'ClusterRoleBinding'];
const dependedOn: readonly string[] = [kinds.serviceAccount.kind, 'Role', 'ClusterRole', 'PriorityClass'];

function canBeRehearsed({ item }: SetStep, steps: readonly SetStep[]): boolean {
  if (!dependent.includes(item.ref.kind)) return true;
  return !steps.some(({ item: other, action }) => action === 'create' && dependedOn.includes(other.ref.kind));
}

/** True where the API server refuses to change a job because its pods are made already. */
export function isFrozenJob({ kind }: ObjectRef, { parts }: Problem): boolean {
  return kind === kinds.job.kind && parts.status === 422 && parts.because.includes('field is immutable');
}

/** Why a job cannot be made anew; undefined for one that has come to its end, or is gone. Source: Kubernetes API reference, JobCondition. */
export async function runningJob({ connection }: Pick<SetPlace, 'connection'>, ref: ObjectRef): Promise<Problem | undefined> {
  const found = await connection.get(ref);
  const ended = objects(object(found?.status).conditions).some(({ type, status }) => ['Complete', 'Failed'].includes(text(type) ?? '') && status === 'True');
  if (found === undefined || ended) return undefined;
  return new Problem({
    code: 'WI4604',
    what: `${nameOf(ref)} on ${connection.label} cannot be changed while it runs`,
    because: 'its pod template changed, which means to delete the job and make it anew, and it has not come to its end',
    remedy: 'wait until it has ended, or delete it (kubectl delete job), then run again; or give each job a name of its own',
  });
}

import { createHash } from 'node:crypto';
import { list, object, parseJson, text } from '../fleet/json.js';
import { approvedChange, type ApprovedChange } from '../reconcile/approval.js';
import type { Plan } from '../reconcile/plan.js';
import type { Crossing } from '../reconcile/access.js';
import { Problem } from '../reconcile/problem.js';
import type { FieldChange } from '../reconcile/resource.js';
import { fateOf, wantedOf } from './findings.js';
import { redacted } from './redacted.js';
import type { RunContext } from './schema.js';

/** Marks a file as a plan of this project. */
export const planSchema = 'aks-workload-identity-plan';

/** A plan that was shown to somebody, as it was read from its file. */
export interface ApprovedPlan {
  readonly task: string;
  /** The run that planned, in the pipeline's own words. */
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly plannedAt: string;
  readonly changes: readonly ApprovedChange[];
  /** SHA-256 of the boundary policy that the plan was judged by; absent where none was given. */
  readonly policySha256?: string;
  /** SHA-256 of the plan, hexadecimal: what log, report and file call it by. */
  readonly sha256: string;
}

/**
 * A plan as a file: what each resource may become, with a hash over all of it. Values are the display texts of the plan, which are
 * never secret.
 * @param crossings the allowed crossings of boundaries, by resource key: for whoever approves
 * @param redact takes out what became a secret of the run all the same; the hash is over what is left.
 */
export function planFile(plan: Plan, context: RunContext, redact: (text: string) => string, crossings: ReadonlyMap<string, readonly Crossing[]> = new Map()): { readonly content: string; readonly sha256: string } {
  const { task, run, startedAt: plannedAt, clusters, boundaryPolicy } = context;
  const changes = wantedOf(plan).map(({ resource, change }) => {
    const { kind, name, cluster } = resource;
    const crossed = crossings.get(resource.key);
    return { kind, name, ...(cluster === undefined ? {} : { cluster }), action: fateOf(change), ...approvedChange(resource, change), ...(crossed === undefined ? {} : { crossings: crossed }) };
  });
  const body = redacted({ task, run, plannedAt, clusters, ...(boundaryPolicy === undefined ? {} : { boundaryPolicy }), changes }, redact);
  const sha256 = digest(body);
  return { content: `${JSON.stringify({ schema: planSchema, version: 1, sha256, plan: body }, undefined, 1)}\n`, sha256 };
}

/**
 * Reads a plan file.
 * @param path how messages call it
 * @throws Problem WI1041 for a file that is no plan or was altered, WI1042 for one of another task or of another version.
 */
export function readPlanFile(content: string, path: string, task: string): ApprovedPlan {
  const { schema, version, sha256, plan } = object(parseJson(content));
  const again = 'plan again, have the plan approved, and hand its file on as it is';
  const refused = (code: string, because: string): Problem => new Problem({ code, what: `The approved plan ${path} cannot be used`, because, remedy: again });
  if (schema !== planSchema) throw refused('WI1041', 'it is not a plan file of this project');
  if (version !== 1) throw refused('WI1042', `it has version ${JSON.stringify(version)}, and this task knows version 1`);
  const body = object(plan);
  const seen = digest(body);
  if (seen !== sha256) throw refused('WI1041', `its content has hash ${shortHash(seen)}…, and it says ${shortHash(String(sha256))}…: it was altered or is not complete`);
  if (body.task !== task) throw refused('WI1042', `it is a plan of ${text(body.task) ?? 'no task'}, and this task is ${task}`);
  const policySha256 = text(object(body.boundaryPolicy).sha256);
  return { task, run: text(body.run) ?? '', ...(policySha256 === undefined ? {} : { policySha256 }), plannedAt: text(body.plannedAt) ?? '', changes: list(body.changes).map(toChange), sha256: seen };
}

/** A hash as logs and summaries show it. */
export function shortHash(sha256: string): string {
  return sha256.slice(0, 12);
}

function toChange(value: unknown): ApprovedChange {
  const { key, writes, deletes, widens, fields } = object(value);
  return { key: text(key) ?? '', writes: writes === true, deletes: deletes === true, widens: widens === true, fields: list(fields).map(toField) };
}

function toField(value: unknown): FieldChange {
  const { field, before, after } = object(value);
  return { field: text(field) ?? '', ...(typeof before === 'string' ? { before } : {}), after: typeof after === 'string' ? after : '' };
}

function digest(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}

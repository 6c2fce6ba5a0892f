import type { Access } from '../reconcile/access.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { comesBack, comingBack } from './credential-removal.js';
import { missingAccount } from './expected-account.js';
import { isOpen, type BuiltSet, type ManifestBlueprint } from './manifest-blueprint.js';
import { withoutLabel } from './named-credentials.js';
import { kinds, nameOf, pathOf, type ObjectRef } from './objects.js';
import { rights } from './permissions.js';
import type { DeploymentSettings, ReleaseInputs } from './release-blueprint.js';
import { newlyWidening, wideningEffect, type WideningObject } from './release-widening.js';
import type { RenderedChart } from './rendered-chart.js';
import { RolloutProof } from './rollout-proof.js';
import { serviceAccountState, type ServiceAccountState } from './service-account.js';
import { compareSet, pendingOf, type Leftover, type SetComparison, type SetStep } from './set-comparison.js';
import { contentText, readRecord, recordRef, recordSecret, type RecordedObject, type SetRecord } from './set-record.js';
import { rehearseSet, type Rehearsal } from './set-rehearsal.js';
import { among, deployedSet, writeRecord } from './set-rollback.js';
import { applySteps, takeAway, type SetTools } from './set-writes.js';
import { TakeBack } from './take-back.js';

/** A set as it was found, and what would have to be done. */
export interface ManifestSetState {
  readonly rendering: RenderedChart;
  /** What of the manifests lets somebody reach more than before. */
  readonly widening: readonly WideningObject[];
  readonly record: SetRecord | undefined;
  readonly built: BuiltSet;
  readonly comparison: SetComparison;
  readonly rehearsal: Rehearsal;
  /** Label of what the pods run without that were applied last; undefined where nothing was taken out. */
  readonly without: string | undefined;
  /** The same of the set that was begun last. */
  readonly begun: string | undefined;
  /** What is taken out of the manifests, with where it is. */
  readonly removed: RenderedChart['removed'];
  /** Absent when there is none, and while the namespace is not there. */
  readonly serviceAccount: ServiceAccountState | undefined;
  /** What was applied completely last; absent before the first time. */
  readonly revision: { readonly number: number } | undefined;
}

const nothingRehearsed: Rehearsal = { refusals: [], takeovers: [] };

/**
 * The objects of some manifests, applied as one: in their order, without those of a former run that are not among them any more, and taken back together.
 * It is one resource, since what is left over from a former run is known only once the cluster was looked at, and since a failure of one object concerns all.
 */
export class ManifestSet implements Resource<ReleaseInputs, ManifestSetState> {
  readonly key: string;
  readonly kind = 'manifest set';
  readonly name: string;
  readonly cluster: string;
  /** One object of each kind that is written. */
  #samples: readonly ObjectRef[] = [];

  constructor(
    private readonly blueprint: ManifestBlueprint,
    readonly inputs: Refs<ReleaseInputs>,
    readonly accesses: readonly Access[],
    /** Keys of what has to be there before its pods start. */
    readonly after: readonly string[] = [],
    private readonly takeBack = new TakeBack(blueprint.settings.atomic),
  ) {
    const { connection, namespace, release } = blueprint.settings;
    this.name = `${namespace}/${release}`;
    this.key = `${connection.clusterId} manifest set ${this.name}`;
    this.cluster = connection.label;
  }

  observe(_reader: Reader, known: Known<ReleaseInputs>): Promise<ManifestSetState> {
    return this.#look(known, true);
  }

  async #look(known: Known<ReleaseInputs>, rehearsed: boolean): Promise<ManifestSetState> {
    const { connection, namespace, release, serviceAccount: name, overwrite } = this.blueprint.settings;
    const rendering = await this.blueprint.inspect(known);
    const built = await this.blueprint.build(known);
    const widening = await newlyWidening(connection, rendering.widening);
    const { objects, placed } = built;
    this.#samples = this.blueprint.samples;
    recordSecret({ revision: 0, objects: objects.map((one) => ({ ...one, existed: false, owned: one.digest })) }, namespace, release);
    if (known.namespace === unknown) {
      const steps = objects.map((item): SetStep => ({ item, action: 'create', reason: 'it does not exist', existed: false, before: undefined }));
      const comparison = { steps, leftovers: [], kept: [], refusals: [] };
      return { rendering, widening, record: undefined, built, comparison, rehearsal: nothingRehearsed, without: undefined, begun: undefined, removed: rendering.removed, serviceAccount: undefined, revision: undefined };
    }
    const [record, account] = await Promise.all([readRecord(connection, namespace, release), connection.get({ ...kinds.serviceAccount, namespace, name })]);
    const comparison = await compareSet(this.blueprint.settings, objects, record, placed);
    this.#samples = [...this.#samples, ...comparison.leftovers.map(({ ref }) => ref)];
    const rehearsal = rehearsed ? await rehearseSet(this.blueprint.settings, comparison, placed, overwrite) : nothingRehearsed;
    const serviceAccount = account === undefined ? undefined : serviceAccountState(account, { namespace, name });
    const revision = record === undefined || record.revision === 0 ? undefined : { number: record.revision };
    return { rendering, widening, record, built, comparison, rehearsal, without: record?.without, begun: record?.begun ?? record?.without, removed: rendering.removed, serviceAccount, revision };
  }

  plan(observed: ManifestSetState | undefined, known: Known<ReleaseInputs>): Change {
    if (observed === undefined) throw new Error(`${this.key}: planned without having been observed`);
    const { rendering, built, comparison, rehearsal } = observed;
    const faults = [...rendering.faults, ...built.placed.faults, ...comparison.refusals, ...rehearsal.refusals];
    if (faults.length > 0) return blocked(this.#together(faults));
    const missing = rendering.makesServiceAccount ? undefined : missingAccount(this.blueprint, observed.serviceAccount, known, `manifest set ${this.name}`, 'the set');
    const change = deployment(observed, known, this.blueprint.settings);
    return missing === undefined ? change : blocked(missing, true, change);
  }

  notices(observed: ManifestSetState | undefined): readonly ProblemParts[] {
    return observed?.rendering.notices.map(({ parts }) => parts) ?? [];
  }

  permissions(): readonly Permission[] {
    const { connection, namespace, release } = this.blueprint.settings;
    const written = [...this.#samples, recordRef(namespace, release)];
    return [...written.flatMap((sample) => rights(connection, ['get', 'list', 'create', 'patch', 'delete'], sample, sample.namespace)), ...(connection.needs?.() ?? [])];
  }

  reads(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    return [...rights(connection, ['get'], kinds.secret, namespace), ...rights(connection, ['get'], kinds.serviceAccount, namespace)];
  }

  async apply(_change: Change, known: ReleaseInputs, writer: Writer): Promise<void> {
    const { settings } = this.blueprint;
    // Where fields of others are taken over, only those may be that were approved.
    const now = await this.#look(known, settings.overwrite);
    const next = this.plan(now, known);
    if (next.action === 'blocked') throw new Problem(next.problem);
    if (!writes(next)) return;
    writer.permit(next);
    const { record, comparison, built, widening } = now;
    const tools: SetTools = { ...settings, placed: built.placed, writer, widening: new Set(widening.map(({ ref }) => pathOf(ref))) };
    const touched = pendingOf(comparison, record);
    const revision = record?.revision ?? 0;
    const { without } = settings;
    const label = without === undefined ? undefined : withoutLabel(known, without);
    const begun = await writeRecord(tools, { revision, objects: record?.objects ?? [], pending: touched, ...keptOf(record), ...(label === undefined ? {} : { begun: label }) });
    const previous = record === undefined || record.revision === 0 ? undefined : record;
    this.takeBack.begins(deployedSet(tools, { previous, touched, resourceVersion: begun }));
    const applied = await this.#applied(tools, comparison.steps, built, known).catch(async (error: unknown) => {
      throw error instanceof Problem ? await this.takeBack.after(error, writer) : error;
    });
    for (const { ref, reason } of comparison.leftovers.filter(({ action }) => action === 'leave')) writer.progress(`${nameOf(ref)} stays: ${reason}`);
    await takeAway(tools, comparison.leftovers);
    const objects = inOrderOf(built, [...comparison.kept, ...applied]);
    const ended = await writeRecord(tools, { revision: revision + 1, objects, resourceVersion: begun, ...(label === undefined ? {} : { without: label }) });
    this.takeBack.begins(deployedSet(tools, { previous, touched, resourceVersion: ended }));
  }

  unseen(failure: Problem, writer: Writer): Promise<Problem> {
    return this.takeBack.after(failure, writer);
  }

  /** Applies, and waits until the pods run and have the identity: what is left over from a former run goes only then. */
  async #applied(tools: SetTools, steps: readonly SetStep[], { objects }: BuiltSet, known: ReleaseInputs): Promise<readonly RecordedObject[]> {
    const { settings } = this.blueprint;
    const { writer } = tools;
    const applied = await applySteps(tools, steps);
    const belonging = among(settings.belonging, objects.map(({ ref }) => ref));
    const rollout = new RolloutProof({ ...settings, belonging }, this.inputs, []);
    await rollout.run(known, { signal: writer.signal, fresh: true, progress: (text) => writer.progress(text), write: (intent, send, finishing) => writer.write(intent, send, finishing) });
    return applied;
  }

  /** Everything that is wrong, in one Problem. */
  #together(faults: readonly Problem[]): ProblemParts {
    const [first, ...others] = faults;
    if (first !== undefined && others.length === 0) return first.parts;
    return {
      code: 'WI4603',
      what: `Manifest set ${this.name} cannot be deployed on ${this.cluster}`,
      because: `${faults.length} things stand against it: ${faults.map(({ parts }) => `${parts.what} (${parts.because})`).join('; ')}`,
      remedy: 'resolve each of them, and run again; nothing was written',
      details: faults,
    };
  }
}

/** What a record keeps while a run is under way. */
function keptOf({ resourceVersion, without }: Partial<SetRecord> = {}): Pick<SetRecord, 'resourceVersion' | 'without'> {
  return { ...(resourceVersion === undefined ? {} : { resourceVersion }), ...(without === undefined ? {} : { without }) };
}

function inOrderOf({ objects }: BuiltSet, recorded: readonly RecordedObject[]): RecordedObject[] {
  const byId = new Map(recorded.map((one) => [one.id, one]));
  return objects.flatMap(({ id }) => byId.get(id) ?? []);
}

function deployment({ record, comparison, rehearsal, built, widening, without }: ManifestSetState, known: Known<ReleaseInputs>, settings: Pick<DeploymentSettings, 'without' | 'returning'>): Change {
  const { steps, leftovers, kept } = comparison;
  const returns = without !== undefined && settings.without === undefined;
  const fields = [...steps.map((step) => stepField(step, known)), ...leftovers.map(leftoverField), ...rehearsal.takeovers.map(takeoverField), ...(returns ? comingBack(settings.returning) : [])];
  if (record === undefined || record.revision === 0) return { action: 'create', reason: `${built.objects.length} objects, none applied by this set before`, ...wideningEffect(widening, true, fields) };
  if (fields.length === 0 && record.pending === undefined && !returns) return keep(`its ${kept.length} objects are as they were applied (revision ${record.revision})`);
  const reasons = [...new Set(steps.map(({ reason }) => reason))];
  const left = leftovers.length === 0 ? [] : [`${leftovers.length} not among the manifests any more`];
  const told = [...(returns ? [comesBack] : []), ...(steps.length === 0 ? [] : [`${steps.length} of ${built.objects.length} objects: ${reasons.join(', ')}`]), ...left];
  return { action: 'update', reason: told.length === 0 ? 'an earlier run of the set was cut short' : told.join('; '), ...wideningEffect(widening, false, fields) };
}

function stepField({ item, before }: SetStep, { clientId, tenantId }: Known<ReleaseInputs>): FieldChange {
  const field = nameOf(item.ref);
  const open = (clientId === unknown || tenantId === unknown) && isOpen(item);
  const again = before?.digest === item.digest ? ', again' : '';
  return { field, ...(before === undefined ? {} : { before: contentText(item.ref, before.digest) }), after: open ? show(unknown) : `${contentText(item.ref, item.digest)}${again}` };
}

function leftoverField({ ref, action, reason }: Leftover): FieldChange {
  const told = { delete: 'deleted', release: `let go: ${reason}`, leave: `left as it is: ${reason}` };
  return { field: nameOf(ref), before: 'applied', after: told[action] };
}

function takeoverField({ ref, owners }: Rehearsal['takeovers'][number]): FieldChange {
  return { field: `${nameOf(ref)}, fields of others`, before: owners, after: 'taken over' };
}

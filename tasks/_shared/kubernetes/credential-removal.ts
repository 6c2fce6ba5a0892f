import type { Access } from '../reconcile/access.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { output, unknown, type Known, type Producer, type Refs } from '../reconcile/ref.js';
import { foreseen, keep, writes, type AnyResource, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { credentialText, withoutLabel, type NamedCredential } from './named-credentials.js';
import type { ReleaseInputs } from './release-blueprint.js';
import type { RenderedChart } from './rendered-chart.js';

/** A deployment as the removal of credentials looks at it, whatever its source is. */
export interface DeployedState {
  readonly revision: { readonly number: number } | undefined;
  /** Label of what the pods run without that were deployed last; absent where nothing was taken out. */
  readonly without: string | undefined;
  /** The same of what was begun last, whether it ended or not. */
  readonly begun: string | undefined;
}

/** A deployment without some credentials. */
export interface RemovalState extends DeployedState {
  /** What is taken out of its source, with where it is. */
  readonly removed: RenderedChart['removed'];
}

/** What deploys: a Helm release, or a manifest set. */
export type Deployer = AnyResource & Producer<DeployedState>;

/** What a resource has in common with the deployer that it stands around. */
abstract class AroundDeployer<I extends ReleaseInputs> {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly cluster?: string;
  readonly accesses?: readonly Access[];

  /** @param aspect added to the words of the deployer */
  protected constructor(
    protected readonly deployer: Deployer,
    aspect = '',
  ) {
    const { key, kind, name, cluster, accesses } = deployer;
    [this.key, this.kind, this.name] = [`${key}${aspect}`, `${kind}${aspect}`, name];
    if (cluster !== undefined) this.cluster = cluster;
    if (accesses !== undefined) this.accesses = accesses;
  }

  reads(known: Known<I>): readonly Permission[] {
    return this.deployer.reads?.(known) ?? [];
  }

  unseen(failure: Problem, writer: Writer): Promise<Problem> {
    return this.deployer.unseen?.(failure, writer) ?? Promise.resolve(failure);
  }
}

/**
 * A deployment with its credentials, for as long as it was not proven to do without them. Once its pods run without them as this very identity it is left alone: what
 * changes then is deployed without them.
 */
export class DeploymentBefore extends AroundDeployer<ReleaseInputs> implements Resource<ReleaseInputs, DeployedState> {
  readonly inputs: Refs<ReleaseInputs>;
  readonly after?: readonly string[];

  constructor(
    deployer: Deployer,
    private readonly without: readonly NamedCredential[],
  ) {
    super(deployer);
    this.inputs = deployer.inputs as Refs<ReleaseInputs>;
    if (deployer.after !== undefined) this.after = deployer.after;
  }

  observe(reader: Reader, known: Known<ReleaseInputs>): Promise<DeployedState | undefined> {
    return this.deployer.observe(reader, known) as Promise<DeployedState | undefined>;
  }

  plan(observed: DeployedState | undefined, known: Known<ReleaseInputs>): Change {
    if (runsWithout(observed, known, this.without)) return keep('its pods run without the registry credentials already');
    // They are taken out after a proof only: a run that began to was killed, or failed, after this deployment had been proven.
    if (isWithout(observed?.begun, known, this.without)) return keep('an earlier run has begun to take the registry credentials out');
    return this.deployer.plan(observed, known);
  }

  notices(observed: DeployedState | undefined, known: Known<ReleaseInputs>): readonly ProblemParts[] {
    return runsWithout(observed, known, this.without) ? [] : (this.deployer.notices?.(observed, known) ?? []);
  }

  permissions(change: Change, known: Known<ReleaseInputs>): readonly Permission[] {
    return this.deployer.permissions(change, known);
  }

  apply(change: Change, known: ReleaseInputs, writer: Writer): Promise<void> {
    return this.deployer.apply(change, known, writer);
  }
}

/** What is looked at, with the credentials still there, before they go. */
export interface RemovalProof<I> {
  permissions(): readonly Permission[];
  /** @throws Problem when the pods cannot do without them, or when that cannot be told. */
  run(known: I, writer: Writer): Promise<void>;
}

/** What the removal reads from the deployment before it. */
export interface RemovalInputs extends ReleaseInputs {
  /** So that it comes first. */
  readonly revision: number;
}

const afterProof = 'after its proof';

/**
 * The same deployment without its registry credentials. The first time they go once the deployment with them was proven; from then on every change is deployed without
 * them at once. What it could not be proven for keeps its credentials.
 */
export class CredentialRemoval<I extends RemovalInputs> extends AroundDeployer<I> implements Resource<I, RemovalState> {
  readonly inputs: Refs<I>;

  /**
   * @param deployer of the deployment without them
   * @param more what the proof reads from other resources
   */
  constructor(
    before: DeploymentBefore,
    deployer: Deployer,
    private readonly without: readonly NamedCredential[],
    private readonly proof: RemovalProof<I>,
    more: Refs<Omit<I, keyof RemovalInputs>>,
  ) {
    super(deployer, ' without registry credentials');
    this.inputs = { ...more, ...deployer.inputs, revision: output(before, ({ revision }) => revision?.number) } as Refs<I>;
  }

  async observe(reader: Reader, known: Known<I>): Promise<RemovalState | undefined> {
    return (await this.deployer.observe(reader, known)) as RemovalState | undefined;
  }

  plan(observed: RemovalState | undefined, known: Known<I>): Change {
    const change = this.deployer.plan(observed, known);
    if (observed === undefined || runsWithout(observed, known, this.without)) return change;
    // What another task has yet to bring about is told by the deployment before.
    const then = foreseen(change);
    if (then.action === 'blocked') return change;
    return { action: 'update', reason: afterProof, fields: observed.removed.map(takenOut), widens: writes(then) && then.widens };
  }

  /** What is told of both alike, the deployment before tells. */
  notices(observed: RemovalState | undefined, known: Known<I>): readonly ProblemParts[] {
    return runsWithout(observed, known, this.without) ? (this.deployer.notices?.(observed, known) ?? []) : [];
  }

  permissions(change: Change, known: Known<I>): readonly Permission[] {
    return [...this.deployer.permissions(change, known), ...(isRemoval(change) ? this.proof.permissions() : [])];
  }

  async apply(change: Change, known: I, writer: Writer): Promise<void> {
    if (!isRemoval(change)) return this.deployer.apply(change, known, writer);
    await this.proof.run(known, writer).catch((error: unknown) => {
      throw error instanceof Problem && !writer.signal.aborted ? error.with({ remedy: `${error.parts.remedy}; ${this.#named()} taken out only after that` }) : error;
    });
    const next = this.deployer.plan(await this.deployer.observe(strongReader, known), known);
    if (next.action === 'blocked') throw new Problem(next.problem);
    // Approved is the removal, and not what the deployment calls it.
    const permit = (later: Change): void => writer.permit({ ...change, widens: writes(later) && later.widens });
    permit(next);
    await this.deployer.apply(next, known, { ...writer, permit });
  }

  #named(): string {
    return `${this.without.map(credentialText).join(', ')} ${this.without.length === 1 ? 'is' : 'are'}`;
  }
}

/** What a plan shows of credentials that an earlier run took out, and that this one puts back. */
export function comingBack(returning: readonly NamedCredential[] = []): FieldChange[] {
  return returning.map((one) => ({ field: credentialText(one), before: 'taken out', after: 'as before' }));
}

/** Why a deployment changes whose pods run without credentials that they shall have. */
export const comesBack = 'the registry credentials that were taken out come back';

function takenOut({ kind, name, at }: RenderedChart['removed'][number]): FieldChange {
  return { field: credentialText({ kind, name }), before: at, after: 'taken out' };
}

function isRemoval(change: Change): change is WritingChange {
  return change.action === 'update' && change.reason === afterProof;
}

function runsWithout(observed: DeployedState | undefined, known: Known<ReleaseInputs>, without: readonly NamedCredential[]): boolean {
  return isWithout(observed?.without, known, without);
}

/** @param label of what was deployed, or begun */
function isWithout(label: string | undefined, { clientId, tenantId }: Known<ReleaseInputs>, without: readonly NamedCredential[]): boolean {
  if (label === undefined || clientId === unknown || tenantId === unknown) return false;
  return label === withoutLabel({ clientId, tenantId }, without);
}

import { Problem } from '../reconcile/problem.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { missingCode, refusedCode } from './api-errors.js';
import type { ClusterConnection } from './connection.js';
import { kinds, pathOf } from './objects.js';
import { rights } from './permissions.js';
import { classesOf, classPart, type ReleasePlace } from './secret-provider-class.js';
import type { TakeBack } from './take-back.js';

/** What tells which classes of a release are still wanted. */
export interface RetirementInputs {
  readonly namespace: string;
  /** Whether the cluster has the driver at all; without it nothing is looked for. */
  readonly driver: boolean;
  /** Name of the one that the release mounts; empty for none. */
  readonly wanted: string;
}

/** The classes of a release that nothing asks for any more. */
export interface RetirementState {
  /** Names. */
  readonly retired: readonly string[];
}

/**
 * Takes away what a release mounted before: after the release, so that its pods are made anew by then, and one that is taken back finds what it had.
 * Pods that still run have their files already.
 */
export class RetiredProviderClasses implements Resource<RetirementInputs, RetirementState> {
  readonly key: string;
  readonly kind = 'former secret provider classes';
  readonly name: string;
  readonly cluster: string;

  /** @param after key of the release */
  constructor(
    private readonly connection: ClusterConnection,
    private readonly place: ReleasePlace,
    readonly inputs: Refs<RetirementInputs>,
    readonly after: readonly string[],
    private readonly takeBack?: TakeBack,
  ) {
    this.name = `${place.namespace}/${place.release}`;
    this.key = `${connection.clusterId} former secret provider classes of ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, { namespace, driver, wanted }: Known<RetirementInputs>): Promise<RetirementState> {
    if (namespace === unknown || driver !== true) return { retired: [] };
    const found = await classesOf(this.connection, this.place).catch((error: unknown) => {
      // Who may not list them, or has no such kind, has made none: those who never asked for vault secrets need no further right.
      if (error instanceof Problem && (error.code === missingCode || error.code === refusedCode)) return [];
      throw error;
    });
    return { retired: found.filter((name) => name !== wanted) };
  }

  plan(observed: RetirementState | undefined): Change {
    const retired = observed?.retired ?? [];
    if (retired.length === 0) return keep('there are none');
    return { action: 'delete', reason: 'the release does not mount them any more', fields: retired.map((name) => ({ field: 'class', before: name, after: '(none)' })), widens: false };
  }

  permissions(): readonly Permission[] {
    // What is taken away comes back where the release is taken back.
    return rights(this.connection, ['list', 'get', 'create', 'patch', 'delete'], kinds.secretProviderClass, this.place.namespace);
  }

  async apply(_change: Change, { wanted }: RetirementInputs, writer: Writer): Promise<void> {
    const { namespace } = this.place;
    for (const name of (await classesOf(this.connection, this.place)).filter((one) => one !== wanted)) {
      const ref = { ...kinds.secretProviderClass, namespace, name };
      const before = await this.connection.get(ref);
      await writer.write({ action: 'delete', object: pathOf(ref), before: 'made by this project', widens: false }, () => this.connection.remove(ref));
      if (before !== undefined) this.takeBack?.changes({ connection: this.connection, ref, before, part: classPart });
    }
  }
}

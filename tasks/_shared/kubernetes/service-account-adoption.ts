import { Problem } from '../reconcile/problem.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { ownKeys } from './connection.js';
import { kinds, metadataOf, pathOf } from './objects.js';
import { applyRights } from './permissions.js';
import type { ReleaseBlueprint, ReleaseInputs } from './release-blueprint.js';

/** Who a service account belongs to, as far as Helm is concerned. */
export interface AdoptionState {
  readonly name: string;
  /** True when the chart makes the service account itself. */
  readonly rendered: boolean;
  /** Absent when there is no such service account. */
  readonly owner?: { readonly managed: boolean; readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> };
}

const managedBy = 'app.kubernetes.io/managed-by';

/**
 * Lets Helm take a service account into a release that another task made before: Helm refuses objects that lack its ownership
 * label and annotations. Source: helm pkg/action/validate.go.
 */
export class ServiceAccountAdoption implements Resource<ReleaseInputs, AdoptionState> {
  readonly key: string;
  readonly kind = 'service account adoption';
  readonly name: string;
  readonly cluster: string;

  constructor(
    private readonly blueprint: ReleaseBlueprint,
    readonly inputs: Refs<ReleaseInputs>,
  ) {
    const { connection, namespace, serviceAccount } = blueprint.settings;
    this.name = `${namespace}/${serviceAccount}`;
    this.key = `${connection.clusterId} service account adoption ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<ReleaseInputs>): Promise<AdoptionState> {
    const { connection, namespace, serviceAccount: name } = this.blueprint.settings;
    const { makesServiceAccount: rendered } = await this.blueprint.inspect(known);
    if (!rendered || known.namespace === unknown) return { name, rendered };
    const found = await connection.get({ ...kinds.serviceAccount, namespace, name });
    if (found === undefined) return { name, rendered };
    const { labels, annotations } = metadataOf(found);
    return { name, rendered, owner: { managed: labels[ownKeys.managed] === 'true', labels, annotations } };
  }

  plan(observed: AdoptionState | undefined): Change {
    if (observed?.rendered !== true) return keep('the chart leaves the service account to others');
    const fields = this.#missing(observed.owner ?? { labels: {}, annotations: {} });
    const handover = { action: 'update', reason: 'the chart makes it too, and Helm refuses objects that are not its own', fields, widens: false } as const;
    if (observed.owner === undefined) return keep('there is none yet: the chart makes it', handover);
    if (fields.length === 0) return keep('it belongs to the release');
    return observed.owner.managed ? handover : blocked(this.#foreign(fields).parts);
  }

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    return applyRights(connection, false, kinds.serviceAccount, namespace);
  }

  async apply(change: Change, _known: ReleaseInputs, writer: Writer): Promise<void> {
    const { connection, namespace, serviceAccount: name, release } = this.blueprint.settings;
    const { labels, annotations } = this.#ownership();
    const ref = { ...kinds.serviceAccount, namespace, name };
    const wanted = { ...kinds.serviceAccount, metadata: { namespace, name, labels, annotations } };
    const intent = { action: change.action, object: pathOf(ref), after: `owned by Helm release ${release}`, widens: false };
    await writer.write(intent, () => connection.apply(wanted, { part: 'adoption' }));
  }

  #ownership(): { labels: Record<string, string>; annotations: Record<string, string> } {
    const { namespace, release } = this.blueprint.settings;
    return {
      labels: { [managedBy]: 'Helm' },
      annotations: { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace },
    };
  }

  #missing(owner: Pick<NonNullable<AdoptionState['owner']>, 'labels' | 'annotations'>): FieldChange[] {
    const { labels, annotations } = this.#ownership();
    const compare = (wanted: Record<string, string>, found: Readonly<Record<string, string>>): FieldChange[] =>
      Object.entries(wanted).flatMap(([field, after]) => {
        const before = found[field];
        return before === after ? [] : [{ field, ...(before === undefined ? {} : { before }), after }];
      });
    return [...compare(labels, owner.labels), ...compare(annotations, owner.annotations)];
  }

  #foreign(fields: readonly FieldChange[]): Problem {
    const { release } = this.blueprint.settings;
    const found = fields.map(({ field, before }) => `${field} is ${before ?? 'missing'}`).join(', ');
    return new Problem({
      code: 'WI4207',
      what: `Service account ${this.name} on ${this.cluster} exists and does not belong to release ${release}`,
      tried: 'let the chart take it over',
      because: `neither Helm release ${release} nor this project made it (${found})`,
      remedy: 'set serviceAccount.create to false in the values, or delete the service account, or give it Helm’s ownership label and annotations by hand',
    });
  }
}

import { object, objects, text, type Json } from '../fleet/json.js';
import type { Access } from '../reconcile/access.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { allowsEverything, bindingOf, roleOf, roleTitle, userRoles, type AccessGrant, type AccessPlace } from './access-grants.js';
import { ownKeys, type ClusterConnection } from './connection.js';
import { groupOf, kinds, metadataOf, nameOf, pathOf, resourceName, type ClusterObject } from './objects.js';
import { bindRight, rights } from './permissions.js';
import type { ReleaseInputs } from './release-blueprint.js';

/** A role binding as it was found. */
export interface BindingState {
  readonly name: string;
  /** Absent when there is none. */
  readonly found?: {
    readonly managed: boolean;
    /** `ClusterRole view` */
    readonly role: string;
    /** `Group 4c8f…`, in order. */
    readonly subjects: readonly string[];
  };
  readonly role: 'usable' | 'missing' | 'everything';
}

/** What a binding is made with. */
export interface BindingOptions {
  readonly inputs: Refs<ReleaseInputs>;
  readonly accesses: readonly Access[];
  /** Roles that the release brings along, by name. */
  readonly renderedRoles: (known: Known<ReleaseInputs>) => Promise<ReadonlyMap<string, Json>>;
  /** Keys of what brings the roles. */
  readonly after: readonly string[];
}

/** A RoleBinding that gives an Entra group a role in a namespace. */
export class AccessBinding implements Resource<ReleaseInputs, BindingState> {
  readonly key: string;
  readonly kind = 'role binding';
  readonly name: string;
  readonly cluster: string;
  readonly inputs: Refs<ReleaseInputs>;
  readonly after: readonly string[];
  readonly accesses: readonly Access[];
  readonly #wanted: ReturnType<typeof bindingOf>;
  /** Whether the connection may bind the role as it is; rights are asked for right after observing. */
  #mayBind = true;

  constructor(
    private readonly connection: ClusterConnection,
    private readonly grant: AccessGrant,
    private readonly place: AccessPlace,
    private readonly options: BindingOptions,
  ) {
    this.#wanted = bindingOf(grant, place);
    this.name = `${place.namespace}/${this.#wanted.metadata.name}`;
    this.key = `${connection.clusterId} role binding ${this.name}`;
    this.cluster = connection.label;
    this.inputs = options.inputs;
    this.accesses = options.accesses;
    this.after = grant.role.kind === 'Role' ? options.after : [];
  }

  async observe(_reader: Reader, known: Known<ReleaseInputs>): Promise<BindingState> {
    const missing = known.namespace === unknown;
    const [found, role] = await Promise.all([missing ? undefined : this.connection.get(this.#ref()), this.#role(known)]);
    const state = { name: this.name, role, ...(found === undefined ? {} : { found: bindingState(found) }) };
    this.#mayBind = role !== 'usable' || this.#isEqual(state) || (await this.#canBind());
    return state;
  }

  plan(observed: BindingState | undefined): Change {
    if (observed === undefined) throw new Error(`${this.key}: planned without having been observed`);
    if (observed.role !== 'usable') return blocked(observed.role === 'missing' ? this.#missing() : this.#everything());
    const { found } = observed;
    const [role, subject] = [roleTitle(this.grant.role), this.#subject()];
    if (found === undefined) {
      const fields = [{ field: 'role', after: role }, { field: 'group', after: this.grant.group }];
      return { action: 'create', reason: 'the group does not have this role', fields, widens: true };
    }
    if (this.#isEqual(observed)) return keep('the group has this role');
    if (!found.managed) return blocked(this.#foreign());
    const fields = [
      ...(found.role === role ? [] : [{ field: 'role', before: found.role, after: role }]),
      ...(found.subjects.join() === subject ? [] : [{ field: 'subjects', before: found.subjects.join(', '), after: subject }]),
    ];
    return { action: 'update', reason: 'somebody changed it', fields, widens: found.role !== role || !found.subjects.includes(subject) };
  }

  permissions(change: Change): readonly Permission[] {
    const { namespace } = this.place;
    const verbs = change.action === 'create' ? ['create', 'patch'] : ['create', 'patch', 'delete'];
    return [...rights(this.connection, verbs, kinds.roleBinding, namespace), ...(this.#mayBind ? [] : bindRight(this.connection, this.#roleRef(), namespace))];
  }

  reads(): readonly Permission[] {
    const { namespace } = this.place;
    const { role } = this.grant;
    const looked = role.kind === 'Role' ? rights(this.connection, ['get'], kinds.role, namespace) : userRoles.includes(role.name) ? [] : rights(this.connection, ['get'], kinds.clusterRole);
    return [...rights(this.connection, ['get'], kinds.roleBinding, namespace), ...looked];
  }

  /** RBAC lets nobody change the role of a binding, so one with another role is made anew. Source: Kubernetes RBAC docs, roleRef. */
  async apply(change: Change, _known: ReleaseInputs, writer: Writer): Promise<void> {
    if (this.grant.role.kind === 'Role' && (await this.connection.get(this.#roleRef())) === undefined) throw new Problem(this.#missing());
    const ref = this.#ref();
    const before = await this.connection.get(ref);
    const state = before === undefined ? undefined : bindingState(before);
    const role = roleTitle(this.grant.role);
    const was = state === undefined ? {} : { before: `${state.role} for ${state.subjects.join(', ')}` };
    const intent = { object: pathOf(ref), ...was, after: `${role} for ${this.#subject()}`, widens: change.action === 'create' || (change.action === 'update' && change.widens) };
    if (state !== undefined && state.role !== role) await writer.write({ ...intent, action: 'delete', after: '', widens: false }, () => this.connection.remove(ref));
    await writer.write({ ...intent, action: change.action }, () => this.connection.apply(this.#wanted, { force: true }));
  }

  #ref(): ReturnType<typeof roleOf> {
    return { ...kinds.roleBinding, namespace: this.place.namespace, name: this.#wanted.metadata.name };
  }

  #roleRef(): ReturnType<typeof roleOf> {
    return roleOf(this.grant, this.place.namespace);
  }

  #subject(): string {
    return `Group ${this.grant.group}`;
  }

  #isEqual({ found }: BindingState): boolean {
    return found?.role === roleTitle(this.grant.role) && found.subjects.join() === this.#subject();
  }

  async #role(known: Known<ReleaseInputs>): Promise<BindingState['role']> {
    const { kind, name } = this.grant.role;
    if (kind === 'ClusterRole' && userRoles.includes(name)) return 'usable';
    const rendered = kind === 'Role' ? (await this.options.renderedRoles(known)).get(name) : undefined;
    const live = rendered === undefined && !(kind === 'Role' && known.namespace === unknown) ? await this.connection.get(this.#roleRef()) : undefined;
    const role = rendered ?? live;
    if (role === undefined) return 'missing';
    return allowsEverything(role) ? 'everything' : 'usable';
  }

  /**
   * Who may not bind a role may still give what it holds itself: only the API server knows, and a rehearsal under another name asks it.
   * Source: Kubernetes RBAC docs, restrictions on role binding creation or update.
   */
  async #canBind(): Promise<boolean> {
    const { kind, apiVersion, name } = this.#roleRef();
    const { namespace } = this.place;
    if (await this.connection.can({ verb: 'bind', group: groupOf(apiVersion), resource: resourceName(kind), namespace, name })) return true;
    const rehearsed = { ...this.#wanted, metadata: { ...this.#wanted.metadata, name: `${this.#wanted.metadata.name}.rehearsal` } };
    return this.connection.rehearse(rehearsed).then(() => true, () => false);
  }

  #missing(): ProblemParts {
    return {
      code: 'WI4141',
      what: `${nameOf(this.#roleRef())} is not there on ${this.cluster}`,
      tried: `give it to group ${this.grant.group}`,
      because: this.grant.role.kind === 'Role' ? 'neither the cluster nor the chart has it' : 'the cluster has no such role',
      remedy: 'give view, edit or admin, the name of a Role of the namespace, or ClusterRole/name; or make the role first',
    };
  }

  #everything(): ProblemParts {
    return {
      code: 'WI4142',
      what: `${nameOf(this.#roleRef())} is not given to a group on ${this.cluster}`,
      because: 'it allows every verb on every resource, like cluster-admin',
      remedy: 'give view, edit or admin, or a role with what the group needs',
    };
  }

  #foreign(): ProblemParts {
    return {
      code: 'WI4143',
      what: `Role binding ${this.name} on ${this.cluster} was made by somebody else`,
      because: `it lacks the label ${ownKeys.managed} and gives something else`,
      remedy: 'delete or rename it there; it is not taken over silently',
    };
  }
}

/** Reads what matters of a binding. */
export function bindingState(found: ClusterObject): NonNullable<BindingState['found']> {
  const { kind, name } = object(found.roleRef);
  return {
    managed: metadataOf(found).labels[ownKeys.managed] === 'true',
    role: `${text(kind) ?? ''} ${text(name) ?? ''}`,
    subjects: objects(found.subjects).map((subject) => `${text(subject.kind) ?? ''} ${text(subject.namespace) === undefined ? '' : `${text(subject.namespace) ?? ''}/`}${text(subject.name) ?? ''}`),
  };
}

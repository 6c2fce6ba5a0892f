import { output, show, unknown, value, type Known, type Ref, type Refs } from '../../../tasks/_shared/reconcile/ref.js';
import { blocked, keep, writes, type Change, type Cost, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../../../tasks/_shared/reconcile/resource.js';
import type { FakeCloud, ThingState } from './fake-cloud.js';

export type Content = Record<string, string>;

export interface ThingOptions {
  readonly cluster?: string;
  readonly lane?: string;
  /** Actions that its writes need, all at the scope `/<key>` unless {@link scope} says otherwise. */
  readonly rights?: readonly string[];
  readonly scope?: string;
  /** Key of a list that it is read from while planning. */
  readonly list?: string;
  /** True when it shall not be there. */
  readonly absent?: boolean;
  /** Makes its plan "blocked"; `awaits` as in the contract. */
  readonly blocked?: { readonly awaits: boolean };
  /** Keys of things that have to be done before. */
  readonly after?: readonly string[];
  /** What a change of it takes from budgets. */
  readonly costs?: readonly Cost[];
}

/** An object in the fake cloud whose parts shall have given texts; each part is one write. */
export class Thing implements Resource<Content, ThingState> {
  readonly kind = 'thing';
  readonly name: string;
  readonly cluster?: string;
  readonly lane?: string;
  readonly inputs: Refs<Content>;
  readonly after: readonly string[];
  /** What each call of `plan` was given and answered. */
  readonly planned: { readonly known: Known<Content>; readonly change: Change }[] = [];

  constructor(
    readonly cloud: FakeCloud,
    readonly key: string,
    parts: Readonly<Record<string, string | Ref<string>>> = { text: 'x' },
    private readonly options: ThingOptions = {},
  ) {
    this.name = key;
    this.inputs = Object.fromEntries(Object.entries(parts).map(([part, given]) => [part, typeof given === 'string' ? value(given) : given]));
    this.after = options.after ?? [];
    if (options.cluster !== undefined) this.cluster = options.cluster;
    if (options.lane !== undefined) this.lane = options.lane;
  }

  /** Its id, as an input for others. */
  get id(): Ref<string> {
    return output(this, (state) => state.id);
  }

  /** One of its parts as an input for others. */
  part(name: string): Ref<string> {
    return output(this, (state) => state.content[name]);
  }

  observe(reader: Reader): Promise<ThingState | undefined> {
    const { list } = this.options;
    const load = (): Promise<ThingState | undefined> => this.cloud.read(this.key);
    if (list === undefined || reader.strong) return load();
    return reader.once(list, () => this.cloud.read(`list ${list}`)).then(() => this.cloud.store.newest(this.key));
  }

  plan(observed: ThingState | undefined, known: Known<Content>): Change {
    const change = this.#plan(observed, known);
    this.planned.push({ known, change });
    return change;
  }

  #plan(observed: ThingState | undefined, known: Known<Content>): Change {
    if (this.options.blocked !== undefined) return blocked(problemOf(this.key), this.options.blocked.awaits);
    if (this.options.absent === true) {
      return observed === undefined ? keep('it is gone') : { action: 'delete', reason: 'it shall not be there', fields: [], widens: false };
    }
    const fields = Object.entries(known).flatMap(([field, wanted]): FieldChange[] => {
      const before = observed?.content[field];
      if (wanted !== unknown && wanted === before) return [];
      return [{ field, after: show(wanted), ...(before === undefined ? {} : { before }) }];
    });
    if (observed === undefined) return { action: 'create', reason: 'it is not there', fields, widens: true };
    return fields.length === 0 ? keep('it is as it should be') : { action: 'update', reason: 'parts differ', fields, widens: false };
  }

  permissions(): Permission[] {
    return (this.options.rights ?? []).map((action) => ({ plane: 'azure', action, scope: this.options.scope ?? `/${this.key}` }));
  }

  costs(): readonly Cost[] {
    return this.options.costs ?? [];
  }

  async apply(change: Change, known: Content, writer: Writer): Promise<void> {
    if (!writes(change)) throw new Error(`${this.key}: apply was called for ${change.action}`);
    const intent = { action: change.action, object: `/${this.key}`, widens: change.widens };
    if (change.action === 'delete') return writer.write(intent, () => this.cloud.remove(this.key));
    for (const { field } of change.fields) {
      const text = known[field] ?? '';
      await writer.write({ ...intent, after: `${field}=${text}` }, () => this.cloud.put(this.key, field, text));
    }
  }
}

/** The problem of a thing that is blocked. */
export function problemOf(key: string): { code: string; what: string; because: string; remedy: string } {
  return { code: 'WI4999', what: `${key} is in the way`, because: 'the test says so', remedy: 'none' };
}

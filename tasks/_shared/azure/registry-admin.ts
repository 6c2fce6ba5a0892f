import type { ArmId } from '../fleet/arm-id.js';
import { adminUserRole } from '../fleet/boundary-policy.js';
import { reportText, type ConsumerReport } from '../fleet/consumer-report.js';
import { object } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import type { Access } from '../reconcile/access.js';
import { Limiter } from '../reconcile/limits.js';
import { Problem, problemOf } from '../reconcile/problem.js';
import type { AnyProof, ProofContext } from '../reconcile/proof.js';
import { output, unknown, type Known, type Producer, type Ref, type Refs } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Content, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { connectionEnd, resourceEnd } from './accesses.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { followOperation } from './operation.js';
import { missingRegistry, readRegistry, registryRight } from './registry-lookup.js';

/** What shall become of a registry's admin user. */
export type AdminUserWish = 'report' | 'disable' | 'restore';

/** A registry's admin user. Its name is the registry's. Source: ACR docs, authentication, admin account. */
export interface AdminUserState {
  readonly enabled: boolean;
}

/** A resource that tells who uses the admin user at one place, and the rights that looking there takes. */
export interface Inquiry extends Producer<ConsumerReport> {
  reads(): readonly Permission[];
}

/** The parts that an admin user is made of. */
export interface AdminUserParts {
  readonly registry: ArmId;
  readonly wish: AdminUserWish;
  /** Switches it off though consumers remain or are unknown. */
  readonly force: boolean;
  /** Where consumers are looked for; none for `restore`. */
  readonly inquiries: readonly Inquiry[];
  /** What has to be exercised right before it is switched off: the pull of every workload of the run. */
  readonly proofs: readonly AnyProof[];
  /** Keys of what has to be done before, beside what the proofs are of. */
  readonly first: readonly string[];
}

/** Reports of the inquiries, and the inputs of the proofs, by names that tell them apart. */
export type AdminUserInputs = Readonly<Record<string, object>>;

/** How many proofs are exercised at a time. */
const proofsAtATime = 25;
/** How long Azure may work on an update that it has accepted. Milliseconds. */
const updateDeadlineMs = 600_000;

/** The admin user of one registry: kept and reported, switched off, or on again. Nothing else of the registry is written. */
export class AdminUser implements Resource<AdminUserInputs, AdminUserState> {
  readonly key: string;
  readonly kind = 'admin user';
  /** From the service connection only: whom a password lets in nobody can place. */
  readonly accesses: readonly Access[];
  readonly name: string;
  readonly inputs: Refs<AdminUserInputs>;
  readonly after: readonly string[];

  constructor(
    private readonly azure: Azure,
    private readonly parts: AdminUserParts,
  ) {
    this.key = `admin user of ${parts.registry.id.toLowerCase()}`;
    this.name = parts.registry.name;
    const to = resourceEnd(parts.registry.id, this.name);
    this.accesses = parts.wish === 'report' ? [] : [{ kind: 'grant', from: connectionEnd(azure.connection), to, role: adminUserRole }];
    const reports = parts.inquiries.map((inquiry, index) => [reportName(index), output(inquiry, (state) => state)] as const);
    const evidence = parts.proofs.flatMap((proof, index) => Object.entries<Ref<object>>(proof.inputs as Record<string, Ref<object>>).map(([name, ref]) => [proofInput(index, name), ref] as const));
    this.inputs = Object.fromEntries<Ref<object>>([...reports, ...evidence]);
    this.after = [...parts.first, ...parts.proofs.flatMap(({ proves }) => proves)];
  }

  async observe(reader: Reader): Promise<AdminUserState | undefined> {
    const raw = await readRegistry(this.azure, this.parts.registry, reader);
    return raw === undefined ? undefined : { enabled: object(raw.properties).adminUserEnabled === true };
  }

  plan(observed: AdminUserState | undefined, known: Known<AdminUserInputs>): Change {
    const { wish } = this.parts;
    if (observed === undefined) return missingRegistry(this.parts.registry);
    if (wish === 'report') return keep(`it is ${observed.enabled ? 'on' : 'off'}, and only reported`);
    const wanted = wish === 'restore';
    if (observed.enabled === wanted) return keep(`it is ${wanted ? 'on' : 'off'} already`);
    const field = { field: 'adminUserEnabled', before: String(observed.enabled), after: String(wanted) };
    if (wanted) return { action: 'update', fields: [field], widens: true, reason: 'it shall be on again: whoever has its password may pull, push and delete' };
    return this.disabling(field, this.reportsIn(known));
  }

  permissions(change: Change): Permission[] {
    if (!writes(change)) return [];
    const write = rightAt(this.azure, 'Microsoft.ContainerRegistry/registries/write', this.parts.registry.id);
    return [write, ...(this.parts.force ? [] : this.parts.inquiries.flatMap((inquiry) => inquiry.reads()))];
  }

  reads(): Permission[] {
    return [registryRight(this.azure, this.parts.registry.id)];
  }

  content(): Content {
    return { id: this.parts.registry.id, apiVersion: apiVersions.registries, body: this.body() };
  }

  async apply(change: Change, known: AdminUserInputs, writer: Writer): Promise<void> {
    if (!writes(change)) return;
    if (this.parts.wish === 'disable') await this.prove(known, writer);
    const { arm, clock } = this.azure;
    const { id, name } = this.parts.registry;
    const adminUserEnabled = this.parts.wish === 'restore';
    const turn = adminUserEnabled ? 'on' : 'off';
    const purpose = { tried: `switch the admin user of ${name} ${turn}`, what: `The admin user of registry ${name} was not switched ${turn}` };
    const intent = { action: 'update', object: id, before: `adminUserEnabled ${String(!adminUserEnabled)}`, after: `adminUserEnabled ${String(adminUserEnabled)}`, widens: change.widens };
    await writer.write(intent, async (accepted) => {
      const address = (await arm.patch(id, apiVersions.registries, this.body(), purpose)).header('azure-asyncoperation');
      if (address === undefined) return;
      accepted();
      await followOperation(arm, address, `registry ${name}`, updateDeadlineMs, clock, writer);
    });
  }

  private body(): { properties: { adminUserEnabled: boolean } } {
    return { properties: { adminUserEnabled: this.parts.wish === 'restore' } };
  }

  private disabling(field: FieldChange, reports: readonly ConsumerReport[]): Change {
    const remaining = reports.filter(({ consumers, unknown: why }) => consumers.length > 0 || why !== undefined);
    const told = some(remaining.map((report) => `${report.place}: ${reportText(report)}`), 5, ' · ');
    if (remaining.length > 0 && !this.parts.force) {
      return blocked({
        code: 'WI2531',
        what: `The admin user of registry ${this.name} is not switched off`,
        because: `consumers remain or are unknown: ${told}`,
        remedy: 'let these sign in as an identity and remove what they hold, give logAnalyticsWorkspace to see logins from elsewhere, or set force to true and cut them off',
      });
    }
    const here = remaining.flatMap(({ place, consumers }) => (place === 'elsewhere' ? [] : consumers.map((consumer) => `${place} ${consumer}`)));
    const cut = here.length === 0 ? [] : [{ field: 'consumers cut off', after: some(here, 5, '; ') }];
    const reason = remaining.length === 0 ? 'no consumer of it is left' : `forced, though ${told}`;
    return { action: 'update', fields: [field, ...cut], widens: false, reason };
  }

  private reportsIn(known: Known<AdminUserInputs>): ConsumerReport[] {
    return this.parts.inquiries.map((_inquiry, index) => {
      const report = known[reportName(index)];
      return report === undefined || report === unknown ? { place: 'somewhere', consumers: [], unknown: 'it was not looked at' } : (report as ConsumerReport);
    });
  }

  /** @throws Problem WI2532 naming every workload whose pull could not be exercised. */
  private async prove(known: AdminUserInputs, writer: Writer): Promise<void> {
    const limiter = new Limiter(proofsAtATime);
    // Several successes in a row, since what follows is hard on whoever met a replica that lags.
    const context: ProofContext = { signal: writer.signal, fresh: true, progress: (text) => writer.progress(text), write: (intent, send, finishing) => writer.write(intent, send, finishing) };
    const unproven = await Promise.all(this.parts.proofs.map((proof, index) => limiter.run(async () => {
      const place = `${proof.title}${proof.cluster === undefined ? '' : ` on ${proof.cluster}`}`;
      try {
        const evidence = await proof.run(inputsOf(proof, index, known), context);
        return evidence.level === 'exercised' && evidence.shortfall === undefined ? [] : [`${place}: ${evidence.summary}`];
      } catch (error) {
        writer.signal.throwIfAborted();
        const { code, because } = problemOf(error, writer.signal, `prove ${place}`).parts;
        return [`${place}: ${because} (${code})`];
      }
    })));
    const failed = unproven.flat();
    if (failed.length === 0 && this.parts.proofs.length > 0) return;
    throw new Problem({
      code: 'WI2532',
      what: `The admin user of registry ${this.name} is not switched off`,
      tried: 'pull as every workload of this run before switching it off',
      because: failed.length === 0 ? 'this run proves no pull from it' : `not every pull is proven: ${failed.join('; ')}`,
      remedy: 'resolve what the proof names, so that every workload pulls as its identity, and run again',
    });
  }
}

function reportName(index: number): string {
  return `report ${index}`;
}

function proofInput(index: number, name: string): string {
  return `proof ${index} ${name}`;
}

function inputsOf({ inputs }: AnyProof, index: number, known: AdminUserInputs): object {
  return Object.fromEntries(Object.keys(inputs).map((name) => [name, known[proofInput(index, name)]]));
}

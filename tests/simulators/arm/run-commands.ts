import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { idOf } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import type { ClusterRecord } from './cluster-record.js';
import type { Unconfirmed } from './cluster-refusals.js';
import { flat, notHere, wrapped } from './refusals.js';
import type { ArmCall } from './route.js';

/** What a pod is given to run. */
export interface PodCommand {
  readonly command: string;
  /** The zip; empty for none. */
  readonly context: Buffer;
  /** Signs in to the API server; the cluster's own admin token where there is no Entra integration. */
  readonly token: string;
}

/** How a pod's command ended. */
export interface PodEnd {
  readonly exitCode: number;
  readonly output: string;
}

/** How the next command of a cluster goes wrong. */
export type CommandFault =
  /** The pod says nothing but this; nothing is run. */
  | { readonly kind: 'exit'; readonly exitCode: number; readonly logs: string }
  /** The pod never starts. */
  | { readonly kind: 'reason'; readonly reason: string }
  /** It is run, and the result says neither how nor why. */
  | { readonly kind: 'silent' }
  /** ARM answers after 60 s that no pod was scheduled. */
  | { readonly kind: 'unscheduled' }
  /** 409, as while an operation runs. */
  | { readonly kind: 'busy' };

/** A command as it came and went. */
export interface RanCommand {
  readonly cluster: string;
  readonly command: string;
  readonly context: Buffer;
  readonly token: string | undefined;
  /** What AKS gives back, uncut. */
  output?: string;
}

interface Running {
  readonly record: ClusterRecord;
  readonly startedAt: Date;
  /** Monotonic milliseconds before which nobody is told of an end. */
  readonly readyAt: number;
  readonly silent: boolean;
  end?: PodEnd | { readonly reason: string };
}

/** Run command of the AKS resource provider. See BEHAVIOUR.md. */
export class RunCommands {
  readonly knobs: {
    /** Runs what a pod would; absent: commands are answered 501. */
    pod?: (record: ClusterRecord, command: PodCommand) => Promise<PodEnd>;
    /** From the request to the first result. Milliseconds. */
    podMs: number;
    /** `Succeeded` or `succeeded`: both were seen. */
    capitals: boolean;
    /** What AKS gives back of the output at most. Bytes. */
    outputLimit: number;
    /** By cluster, one for each of its next commands. */
    readonly faults: Map<string, CommandFault[]>;
  } = { podMs: 2_000, capitals: false, outputLimit: 512 * 1024, faults: new Map() };

  /** Every command that was accepted, for tests that look for what must not be in it. */
  readonly ran: RanCommand[] = [];
  readonly #running = new Map<string, Running>();

  constructor(
    private readonly clock: Clock,
    private readonly unconfirmed: () => Unconfirmed,
  ) {}

  /** Source: npm @azure/arm-containerservice, beginRunCommand; Azure/azure-rest-api-specs, managedClusters runCommand examples. */
  start(call: ArmCall, record: ClusterRecord): SimResponse {
    const { body } = call;
    if (!isRecord(body) || typeof body.command !== 'string' || body.command === '') return flat(400, 'InvalidParameter', 'Required parameter command is missing (null).');
    const { apiServerAccessProfile: access, aadProfile } = record.resource.properties;
    const { status, code } = this.unconfirmed().commandsOff;
    if (isRecord(access) && access.disableRunCommand === true) return flat(status, code, 'Run command is disabled on this managed cluster.');
    const fault = this.knobs.faults.get(record.name)?.shift();
    if (fault?.kind === 'busy') return flat(409, 'OperationNotAllowed', 'Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish before starting a new operation.');
    if (fault?.kind === 'unscheduled') return wrapped(504, 'GatewayTimeout', 'The gateway did not receive a response within the specified time period.');
    const { pod } = this.knobs;
    if (pod === undefined) return notHere('running a command without a pod to run it in');
    const entra = isRecord(aadProfile) && aadProfile.managed === true;
    const given = typeof body.clusterToken === 'string' && body.clusterToken !== '' ? body.clusterToken : undefined;
    const context = Buffer.from(typeof body.context === 'string' ? body.context : '', 'base64');
    const ran: RanCommand = { cluster: record.name, command: body.command, context, token: given };
    this.ran.push(ran);
    const id = idOf(`command ${record.id} ${this.ran.length}`).replaceAll('-', '');
    const running: Running = { record, startedAt: this.clock.now(), readyAt: this.clock.monotonic() + this.knobs.podMs, silent: fault?.kind === 'silent' };
    this.#running.set(id, running);
    if (fault?.kind === 'exit') running.end = { exitCode: fault.exitCode, output: fault.logs };
    else if (fault?.kind === 'reason') running.end = { reason: fault.reason };
    else void this.#run(running, ran, pod(record, { command: body.command, context, token: given ?? (entra ? '' : record.adminToken) }));
    return { status: 202, headers: { location: this.#address(call, record, id) } };
  }

  /** 202 while it runs. Source: Azure/azure-rest-api-specs, managedClusters commandResult examples. */
  result(call: ArmCall, record: ClusterRecord): SimResponse {
    const id = call.path.split('/').at(-1)?.toLowerCase() ?? '';
    const running = this.#running.get(id);
    if (running?.record.id !== record.id) return wrapped(404, 'NotFound', `Command ${id} was not found.`);
    const { end, readyAt, startedAt, silent } = running;
    if (end === undefined || this.clock.monotonic() < readyAt) return { status: 202, headers: { location: this.#address(call, record, id) } };
    const state = (word: string): string => (this.knobs.capitals ? `${word.slice(0, 1).toUpperCase()}${word.slice(1)}` : word);
    if ('reason' in end) return { status: 200, body: { id, properties: { provisioningState: state('failed'), reason: end.reason } } };
    const times = { startedAt: startedAt.toISOString(), finishedAt: this.clock.now().toISOString() };
    const told = silent ? {} : { exitCode: end.exitCode, logs: Buffer.from(end.output).subarray(0, this.knobs.outputLimit).toString() };
    return { status: 200, body: { id, properties: { provisioningState: state('succeeded'), ...told, ...times } } };
  }

  async #run(running: Running, ran: RanCommand, ending: Promise<PodEnd>): Promise<void> {
    running.end = await ending.catch((error: unknown) => ({ exitCode: 1, output: String(error) }));
    ran.output = running.end.output;
  }

  #address({ origin, query }: ArmCall, record: ClusterRecord, id: string): string {
    return `${origin}${record.id}/commandResults/${id}?api-version=${query.get('api-version') ?? ''}`;
  }
}

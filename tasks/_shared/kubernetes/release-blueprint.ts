import type { Clock } from '../reconcile/clock.js';
import { unknown, type Known } from '../reconcile/ref.js';
import { prepareChart, renderChart, type ChartIdentity, type ChartSettings, type IdentityMode, type PreparedChart } from './chart.js';
import type { ClusterConnection, HelmInjection } from './connection.js';
import type { NamedCredential } from './named-credentials.js';
import type { ObjectKind } from './objects.js';
import { helmUnusable } from './helm-process.js';
import { helmVersion, isUsable, oldestHelm, rendersHooks, waitFlag, type HelmVersion } from './helm-version.js';
import { inspectRendering, type RenderedChart } from './rendered-chart.js';
import { holdSecrets } from './plain-secrets.js';
import { withoutDefinitions } from './release-widening.js';
import type { SendPolicy } from './send-checks.js';
import { mountsOf, type VaultSecrets } from './vault-secrets.js';
import type { Belonging } from './workloads.js';

/** What is known of a deployment from the start, whatever its source is. */
export interface DeploymentSettings {
  readonly connection: ClusterConnection;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly release: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly identityMode: IdentityMode;
  /** What may be sent to the cluster. */
  readonly policy: SendPolicy;
  /** Lifetime of the tokens that the webhook asks for, in seconds; absent: as it is. */
  readonly tokenSeconds?: number;
  /** What containers get from a vault; absent: nothing. */
  readonly vaultSecrets?: VaultSecrets;
  /** Registry credentials that its pods shall run without; absent: they stay as the source has them. */
  readonly without?: readonly NamedCredential[];
  /** Registry credentials that come back where an earlier run took them out: only told. Default: none. */
  readonly returning?: readonly NamedCredential[];
  /** Whether a release whose upgrade fails is taken back to what ran before. */
  readonly atomic: boolean;
  /** How long Helm and the rollout may take. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether its proof asks for a token of the service account. Default: false. */
  readonly tokenProof?: boolean;
  /** What its objects are known by in the cluster. Default: Helm's marks. */
  readonly belonging?: Belonging;
}

/** The same for a Helm release. */
export interface ReleaseSettings extends DeploymentSettings {
  /** `helm`, or the path of the executable. */
  readonly helmPath: string;
  readonly chart: ChartSettings;
  /** How many revisions Helm keeps. Default: 10. */
  readonly historyLimit?: number;
  /** Whether Helm runs although nothing changed. Default: false. */
  readonly alwaysUpgrade?: boolean;
}

/** What other resources tell a release. */
export interface ReleaseInputs {
  readonly namespace: string;
  readonly clientId: string;
  readonly tenantId: string;
}

/** What is going to be deployed, before it is: a chart, or manifests. */
export interface Blueprint {
  readonly settings: DeploymentSettings;
  /** What the cluster would be sent, as far as identity is concerned. */
  inspect(known: Known<ReleaseInputs>): Promise<RenderedChart>;
}

/** Stands in for an id that is not known yet, so that a dry run can look at the rendering all the same. */
export const placeholder = '00000000-0000-0000-0000-000000000000';

/** What helm makes of a chart as it is, whatever identity its pods get. */
interface Rendering {
  readonly rendered: string;
  /** A second rendering, where the first one holds secrets. */
  readonly again?: string;
}

/** The renderings of one release's chart, each done once, and the helm that does them. */
class ChartRenderings {
  readonly #done = new Map<string, Promise<Rendering>>();
  #version: Promise<HelmVersion> | undefined;

  constructor(private readonly settings: ReleaseSettings) {}

  of(chart: PreparedChart): Promise<Rendering> {
    const done = this.#done.get(chart.content) ?? this.#render(chart);
    this.#done.set(chart.content, done);
    return done;
  }

  version(): Promise<HelmVersion> {
    return (this.#version ??= this.#readVersion());
  }

  async #render(chart: PreparedChart): Promise<Rendering> {
    const { connection, helmPath: executable, release: name, namespace, signal } = this.settings;
    await this.version();
    const place = { name, namespace, kubernetesVersion: await connection.version() };
    const render = (): Promise<string> => renderChart(connection, chart, place, { executable, signal });
    const rendered = await render();
    // What differs in a second rendering is in no file: a password that somebody wrote down is told from one that the chart makes up.
    return { rendered, ...(holdSecrets(withoutDefinitions(rendered).manifests, namespace) ? { again: await render() } : {}) };
  }

  async #readVersion(): Promise<HelmVersion> {
    const { connection, helmPath: executable, signal } = this.settings;
    const output = await connection.helm(['version', '--template', '{{.Version}}'], { executable, signal, offline: true });
    const version = helmVersion(output);
    if (version === undefined || !isUsable(version)) throw helmUnusable(executable, `its version "${output.trim()}" is older than ${oldestHelm}`);
    return version;
  }
}

/** The rendering of one release, shared by the resources that look at it and inspected once per digest. */
export class ReleaseBlueprint implements Blueprint {
  readonly #inspected = new Map<string, Promise<RenderedChart>>();
  #kinds: readonly ObjectKind[] = [];

  constructor(
    readonly settings: ReleaseSettings,
    private readonly renderings = new ChartRenderings(settings),
  ) {}

  /** The same release whose pods run without some credentials; its chart is rendered once for both. */
  lacking(without: readonly NamedCredential[]): ReleaseBlueprint {
    return new ReleaseBlueprint({ ...this.settings, without }, this.renderings);
  }

  /** Chart and values with this identity. */
  prepare(known: Known<ReleaseInputs>): Promise<PreparedChart> {
    return prepareChart(this.settings.chart, identityOf(this.settings, known));
  }

  /** Renders and inspects. @throws Problem WI4201 or WI4203 when that is not possible. */
  async inspect(known: Known<ReleaseInputs>): Promise<RenderedChart> {
    const chart = await this.prepare(known);
    const inspected = this.#inspected.get(chart.digest) ?? this.#inspect(chart, known);
    this.#inspected.set(chart.digest, inspected);
    this.#kinds = (await inspected).kinds;
    return inspected;
  }

  /** The kinds that the chart renders; empty until it was inspected. Rights are asked for right after observing. */
  get renderedKinds(): readonly ObjectKind[] {
    return this.#kinds;
  }

  /** How helm makes manifests right on their way to the cluster; undefined where the chart has to. */
  async injection(known: Known<ReleaseInputs>): Promise<HelmInjection | undefined> {
    const { mode, ...identity } = identityOf(this.settings, known);
    return mode === 'verify' ? undefined : { identity: { ...identity, namespace: this.settings.namespace }, helmMajor: (await this.renderings.version()).major };
  }

  /** The flag that makes this helm wait. */
  async waitFlag(): Promise<string> {
    return waitFlag(await this.renderings.version());
  }

  async #inspect(chart: PreparedChart, known: Known<ReleaseInputs>): Promise<RenderedChart> {
    const { rendered, ...again } = await this.renderings.of(chart);
    const { namespace, policy } = this.settings;
    const inspected = inspectRendering(rendered, { identity: identityOf(this.settings, known), namespace, hooks: rendersHooks(await this.renderings.version()), policy, ...again });
    return withRefusals(inspected, this.settings, rendered, this.settings.chart.secretValues !== undefined);
  }
}

/** Adds what the way to the cluster must not carry. @param secretValues whether the manifests were made with values that are secret */
export async function withRefusals(inspected: RenderedChart, { connection, namespace, serviceAccount, tokenProof = false }: DeploymentSettings, manifests: string, secretValues = false): Promise<RenderedChart> {
  const refused = await connection.refusals?.({ manifests, secretValues, ...(tokenProof ? { token: `${namespace}/${serviceAccount}` } : {}) });
  return { ...inspected, faults: [...inspected.faults, ...(refused ?? [])] };
}

/** The identity that pods shall have, as far as it is known; ids that are not known yet have something in their place. */
export function identityOf({ release, serviceAccount, identityMode: mode, tokenSeconds, vaultSecrets, without }: DeploymentSettings, { clientId, tenantId }: Known<ReleaseInputs>): ChartIdentity {
  const reader = { clientId: clientId === unknown ? placeholder : clientId, tenantId: tenantId === unknown ? placeholder : tenantId };
  return {
    mode,
    serviceAccount,
    ...reader,
    ...(tokenSeconds === undefined ? {} : { tokenSeconds }),
    ...(vaultSecrets === undefined ? {} : { vault: mountsOf(release, vaultSecrets, reader) }),
    ...(without === undefined ? {} : { without }),
  };
}

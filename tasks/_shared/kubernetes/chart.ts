import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { Problem } from '../reconcile/problem.js';
import { packageFiles } from './chart-package.js';
import type { ClusterConnection, HelmArgument, HelmOptions } from './connection.js';
import type { PodIdentity } from './identity-injection.js';
import { withoutLabel } from './named-credentials.js';
import type { SecretValues } from './secret-values.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { mappingFlaw } from '../fleet/yaml-text.js';

/** Digits of a digest: one fits a label (63 characters). */
const longestDigest = 40;

/** Where a chart comes from: a folder or a packed chart of this machine, a chart repository, a registry. */
export type ChartSource = 'folder' | 'package' | 'repository' | 'oci';

/** What is deployed. */
export interface ChartSettings {
  /** The chart on this machine: its folder, or its package where `source` says anything else. */
  readonly folder: string;
  /** Default: folder. */
  readonly source?: ChartSource;
  /** Paths, later ones win. */
  readonly valuesFiles: readonly string[];
  /** YAML that wins over the files; empty for none. */
  readonly values: string;
  /** YAML of single values, which wins over `values`. Default: none. */
  readonly set?: string;
  /** YAML that wins over everything and is in no digest; absent for none. */
  readonly secretValues?: SecretValues;
}

/** The identity that the pods of a chart shall have. */
export interface ChartIdentity extends Omit<PodIdentity, 'namespace'> {
  /** `inject`: rendered manifests are made right; `verify`: they have to be. */
  readonly mode: IdentityMode;
}

/** Who sees to it that rendered manifests carry the identity: this project, or the chart. */
export const identityModes = ['inject', 'verify'] as const;
export type IdentityMode = (typeof identityModes)[number];

/** A chart with everything that goes into its rendering. */
export interface PreparedChart {
  /** Its folder or its package. */
  readonly folder: string;
  /** In ascending order of precedence. */
  readonly values: readonly { readonly fileName: string; readonly content: string }[];
  /** YAML that wins over `values`; absent for none. */
  readonly secretValues?: SecretValues;
  /** Label of what its pods run without; absent where nothing is taken out. */
  readonly without?: string;
  /** The same as `digest` without the identity: known from the start. */
  readonly content: string;
  /** 40 hexadecimal digits over chart files and values, secret ones left out; equal for equal input, line ends left aside. Fits a label (63 characters). */
  readonly digest: string;
}

/** Reads chart and values. @throws Problem WI4203 when one of them cannot be read. */
export async function prepareChart(settings: ChartSettings, identity: ChartIdentity): Promise<PreparedChart> {
  const hash = createHash('sha256');
  const add = (name: string, content: string | Buffer): void => {
    const counted = withoutCarriageReturns(Buffer.from(content));
    hash.update(`${name}\n${counted.length}\n`).update(counted);
  };
  const { folder, source = 'folder', secretValues } = settings;
  for await (const [name, file] of source === 'folder' ? filesIn(folder) : filesPackedIn(folder)) add(name, file);
  const values: { fileName: string; content: string }[] = [];
  for (const file of settings.valuesFiles) values.push(named(values.length, await readValues(file)));
  if (settings.values.trim() !== '') values.push(named(values.length, checkedYaml('the input values', settings.values)));
  if (settings.set !== undefined) values.push(named(values.length, settings.set));
  for (const { fileName, content } of values) add(fileName, content);
  const content = hash.copy().digest('hex').slice(0, longestDigest);
  const { mode, serviceAccount, clientId, tenantId, tokenSeconds, vault, without } = identity;
  add('identity', JSON.stringify([mode, serviceAccount, clientId, tenantId, tokenSeconds ?? 0, ...(vault === undefined ? [] : [vault]), ...(without === undefined ? [] : [{ without }])]));
  const label = without === undefined ? {} : { without: withoutLabel(identity, without) };
  return { folder, values, ...(secretValues === undefined ? {} : { secretValues }), ...label, content, digest: hash.digest('hex').slice(0, longestDigest) };
}

/**
 * Text as every checkout has it, whatever line ends Git gave it there: a plan that was made on Linux holds for an agent on Windows, and
 * deployments from both do not take turns. What has a NUL in it is no text.
 */
function withoutCarriageReturns(content: Buffer): Buffer {
  if (content.includes(0) || !content.includes('\r\n')) return content;
  return Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
}

/** The arguments that name chart and values. */
export function chartArguments({ folder, values, secretValues }: PreparedChart): HelmArgument[] {
  const secret = secretValues === undefined ? [] : [{ fileName: 'secret-values.yaml', content: secretValues.reveal() }];
  return [{ folder }, ...[...values, ...secret].flatMap((file): HelmArgument[] => ['--values', file])];
}

/** Renders a chart on this machine, as its templates say, with the definitions that come along; no cluster is asked. @throws Problem WI4203 with helm's own words. */
export async function renderChart(
  connection: ClusterConnection,
  chart: PreparedChart,
  release: { readonly name: string; readonly namespace: string; readonly kubernetesVersion: string },
  options: Omit<HelmOptions, 'offline'>,
): Promise<string> {
  const place = ['--namespace', release.namespace, '--kube-version', release.kubernetesVersion];
  const line = ['template', release.name, ...chartArguments(chart), ...place, '--skip-tests', '--include-crds'];
  return connection.helm(line, { ...options, offline: true }).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'WI4202') throw unreadable(chart.folder, error.parts.because);
    throw error;
  });
}

/** The objects of a manifest text, those in lists included. */
export function parseManifests(manifests: string): readonly Json[] {
  const documents = parseAllDocuments(manifests, { logLevel: 'silent' });
  return [...documents].flatMap((document) => {
    const content = object(document.toJS());
    if (text(content.kind)?.endsWith('List') === true && Array.isArray(content.items)) return objects(content.items);
    return text(content.kind) === undefined ? [] : [content];
  });
}

function named(index: number, content: string): { fileName: string; content: string } {
  return { fileName: `values-${index}.yaml`, content };
}

/** The files of a chart's folder by their names, in a fixed order. */
async function* filesIn(folder: string): AsyncGenerator<readonly [string, Buffer]> {
  const names = await filesOf(folder);
  if (!names.includes('Chart.yaml')) throw unreadable(folder, 'it has no Chart.yaml, so it is not the folder of a chart');
  for (const name of names) yield [name, await readFile(join(folder, name)).catch(cannotRead(name))];
}

/** The same for a packed chart: packed anew from the same files it stays the same. */
async function* filesPackedIn(path: string): AsyncGenerator<readonly [string, Buffer]> {
  const packed = await readFile(path).catch(cannotRead(path));
  const files = await Promise.resolve(packed).then(packageFiles).catch(cannotRead(path));
  yield* [...files].sort(([one], [other]) => (one < other ? -1 : 1));
}

async function filesOf(folder: string, below = ''): Promise<string[]> {
  const entries = await readdir(join(folder, below)).catch(cannotRead(folder));
  const found: string[] = [];
  for (const entry of entries) {
    const name = below === '' ? entry : `${below}/${entry}`;
    // Helm follows symbolic links, and so does stat.
    if ((await stat(join(folder, name)).catch(cannotRead(name))).isDirectory()) found.push(...(await filesOf(folder, name)));
    else found.push(name);
  }
  return found.sort();
}

async function readValues(path: string): Promise<string> {
  return checkedYaml(path, await readFile(path, 'utf8').catch(cannotRead(path)));
}

function cannotRead(path: string): (error: unknown) => never {
  return (error) => {
    throw unreadable(path, error instanceof Error ? error.message : String(error), error);
  };
}

/** Says where a values text is wrong, without repeating it. */
function checkedYaml(name: string, content: string): string {
  const flaw = mappingFlaw(content);
  if (flaw === undefined) return content;
  throw unreadable(name, flaw);
}

function unreadable(name: string, because: string, cause?: unknown): Problem {
  const parts = {
    code: 'WI4203',
    what: `The chart or its values cannot be used: ${name}`,
    tried: 'render the chart',
    because,
    remedy: 'correct the chart, its values or their paths; fetch dependencies in an earlier step (helm dependency build)',
  };
  return new Problem(parts, cause);
}

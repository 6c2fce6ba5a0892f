import { chartFlaw, packedChart } from '../_shared/agent/input-files.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { ChartSource } from '../_shared/kubernetes/chart.js';
import type { ChartOrigin } from '../_shared/kubernetes/chart-origin.js';
import { SecretValues } from '../_shared/kubernetes/secret-values.js';
import { readSecretValues, readSet } from './value-inputs.js';

/** What the inputs say about the chart, its single and secret values, and when Helm runs. */
export interface ChartInputs {
  /** Folder or package of the chart; as the input has it where the chart is fetched. */
  readonly chart: string;
  readonly chartSource: ChartSource;
  /** Where the chart is fetched from; absent for charts of this machine. */
  readonly origin?: ChartOrigin;
  /** YAML of the single values; absent for none. */
  readonly set?: string;
  readonly secretValues?: SecretValues;
  /** How many revisions Helm keeps. */
  readonly historyLimit: number;
  /** Whether Helm runs although nothing changed. */
  readonly alwaysUpgrade: boolean;
}

/** Source: semver.org, the regular expression of version 2.0.0; helm takes a leading `v` as well. */
const exactVersion = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const exactForm = 'one whole version such as 1.2.3; helm would take the newest that fits a range, and sometimes the newest of all';
const digestForm = 'sha256: and 64 hexadecimal digits in lower case';
const digestPattern = /^sha256:[0-9a-f]{64}$/;
/** Source: OCI distribution specification, repository names; the host as in a URL. */
const ociPattern = /^oci:\/\/([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?)\/([a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)(?:@(sha256:[0-9a-f]{64}))?$/;
const ociForm = 'oci://registry/path in lower case, without a tag: the version is given in version, a digest after @ or in chartDigest';
const namePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Reads everything about the chart but its values files and `values`. */
export function readChart(inputs: InputReader): ChartInputs {
  const set = readSet(inputs);
  const secretValues = readSecretValues(inputs);
  return {
    ...readSource(inputs),
    ...(set === undefined ? {} : { set }),
    ...(secretValues === undefined ? {} : { secretValues: new SecretValues(secretValues) }),
    historyLimit: inputs.integer('historyLimit', { min: 1, max: 100, fallback: 10 }),
    alwaysUpgrade: inputs.boolean('alwaysUpgrade'),
  };
}

type Source = Pick<ChartInputs, 'chart' | 'chartSource' | 'origin'>;

/** What the inputs beside `chart` say; each is undefined when it is empty. */
interface Further {
  readonly repository: string | undefined;
  readonly version: string | undefined;
  readonly digest: string | undefined;
}

function readSource(inputs: InputReader): Source {
  const chart = inputs.text('chart');
  const further = { repository: readRepository(inputs), version: readMatching(inputs, 'version', exactVersion, exactForm), digest: readMatching(inputs, 'chartDigest', digestPattern, digestForm) };
  if (/^oci:/i.test(chart)) return readOci(inputs, chart, further);
  if (further.repository !== undefined) return readNamed(inputs, chart, further.repository, further);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(chart)) {
    inputs.unusable('chart', chart, { because: 'a chart is not named by the address of its package', remedy: 'give the chart’s name, the repository in repo and the version in version; or oci://registry/path' });
    return { chart, chartSource: 'folder' };
  }
  return readLocal(inputs, chart, further);
}

function readMatching(inputs: InputReader, name: string, pattern: RegExp, form: string): string | undefined {
  const text = inputs.optionalText(name);
  if (text !== undefined && !pattern.test(text)) inputs.refuse(name, text, form);
  return text;
}

/** An address with credentials is not repeated. */
function readRepository(inputs: InputReader): string | undefined {
  const given = inputs.optionalText('repo');
  if (given === undefined) return undefined;
  const form = 'an address such as https://charts.contoso.com/stable, below which index.yaml is';
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && (url.username !== '' || url.password !== '' || url.search !== '')) {
    inputs.unfit('repo', 'carries credentials or a query', 'repositories are read without a login, and an address is seen in logs', `give ${form}`);
  } else if (url?.protocol === 'oci:') inputs.refuse('repo', given, 'nothing here, and the whole address of the chart in chart: oci://registry/path');
  else if (url?.protocol !== 'https:' || url.hash !== '') inputs.refuse('repo', given, form);
  return given.replace(/\/+$/, '');
}

function readOci(inputs: InputReader, chart: string, { repository, version, digest }: Further): Source {
  if (repository !== undefined) inputs.contradiction('repo', 'is given', 'input chart names a registry already', 'leave repo empty, or give the chart’s name alone in chart');
  const [, registry = '', path = '', pinned] = ociPattern.exec(chart) ?? [];
  if (path === '') inputs.refuse('chart', chart, ociForm);
  else if (pinned !== undefined && digest !== undefined && pinned !== digest) inputs.contradiction('chartDigest', `is "${digest}"`, 'the digest in chart is another one', 'give one of the two');
  else if (version === undefined && (pinned ?? digest) === undefined && inputs.sound('version', 'chartDigest')) missingVersion(inputs, 'a registry', ', or chartDigest');
  return { chart, chartSource: 'oci', origin: { place: { registry, path }, ...said(version, pinned ?? digest) } };
}

function readNamed(inputs: InputReader, name: string, repository: string, { version, digest }: Further): Source {
  if (name !== '' && !namePattern.test(name)) inputs.refuse('chart', name, 'the name of a chart in the repository of input repo, such as orders; for a folder leave repo empty');
  if (version === undefined && inputs.sound('version')) missingVersion(inputs, 'a repository', '');
  return { chart: name, chartSource: 'repository', origin: { place: { repository, name }, ...said(version, digest) } };
}

function readLocal(inputs: InputReader, chart: string, { version, digest }: Further): Source {
  if (version !== undefined) inputs.contradiction('version', `is "${version}"`, 'the chart is on this machine and has its version in Chart.yaml', 'leave version empty; or name a repository in repo, or a registry in chart (oci://registry/path)');
  if (/\.(tgz|tar\.gz)$/i.test(chart)) return readPackage(inputs, chart, digest);
  if (digest !== undefined) inputs.contradiction('chartDigest', `is "${digest}"`, 'input chart is a folder, which has no digest', 'leave it empty, or pack the chart');
  const folder = inputs.located(chart);
  const flaw = chart === '' ? undefined : chartFlaw(folder);
  if (flaw !== undefined) inputs.unusable('chart', chart, flaw);
  return { chart: folder, chartSource: 'folder' };
}

function readPackage(inputs: InputReader, chart: string, digest: string | undefined): Source {
  const path = inputs.located(chart);
  const packed = packedChart(path);
  if ('flaw' in packed) inputs.unusable('chart', chart, packed.flaw);
  else if (digest !== undefined && inputs.sound('chartDigest') && digest !== packed.digest) {
    inputs.unusable('chart', chart, { because: `its digest is ${packed.digest}, and chartDigest is ${digest}`, remedy: 'find out who replaced the package, or correct chartDigest' });
  }
  return { chart: path, chartSource: 'package' };
}

function missingVersion(inputs: InputReader, where: string, or: string): void {
  inputs.contradiction('version', 'is empty', `the chart comes from ${where}, and no version would mean the newest one`, `give the version of the chart, such as 1.2.3${or}`);
}

function said(version: string | undefined, digest: string | undefined): Pick<ChartOrigin, 'version' | 'digest'> {
  return { ...(version === undefined ? {} : { version }), ...(digest === undefined ? {} : { digest }) };
}

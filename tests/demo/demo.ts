import { howToGetAssets, kubeAssets, kubeAssetsFolder } from '../real-kubernetes/kube-assets.js';
import { canaries, clusters as contosoClusters } from '../simulators/world/contoso.js';
import { startContoso, type ContosoRun, type ContosoStage } from './contoso-run.js';
import { showCrossing, type CrossingScene } from './crossing.js';
import { explainAccess } from './keep.js';

/** What the demo found out, for its last line. */
interface Verdict {
  readonly problems: readonly string[];
  readonly clusters: number;
  readonly firstWrites: number;
  readonly secondWrites: number;
  readonly proven: number;
  readonly proofs: number;
}

const fleet = Object.keys(contosoClusters).length;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function demo(keep: boolean, assets: string | undefined): Promise<boolean> {
  const started = Date.now();
  print('Starting the contoso world: Azure, Entra, three clusters, two registries, two vaults and Azure DevOps, all on this machine …');
  if (assets !== undefined) print(`Real API servers of Kubernetes stand behind the clusters, from ${assets}.`);
  const stage = await startContoso(assets === undefined ? {} : { assets });
  let passed = false;
  try {
    const first = await titled('First run: from nothing to proven access', stage);
    const second = await titled('Second run: nothing is left to do', stage);
    const scene = await showCrossing(stage, heading, print);
    const verdict = judge(first, second, scene);
    passed = verdict.problems.length === 0;
    for (const problem of verdict.problems) print(`problem: ${problem}`);
    const seconds = Math.round((Date.now() - started) / 1000);
    const { clusters, firstWrites, secondWrites, proven, proofs } = verdict;
    const stopRenewal = keep ? await explainAccess(stage, print) : undefined;
    print(`demo: ${passed ? 'PASS' : 'FAIL'} clusters=${clusters} firstRunWrites=${firstWrites} secondRunWrites=${secondWrites} proofs=${proven}/${proofs} seconds=${seconds}`);
    if (keep) await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
    stopRenewal?.();
  } finally {
    await stage.close();
  }
  return passed;
}

async function titled(title: string, stage: ContosoStage): Promise<ContosoRun> {
  heading(title);
  return stage.run(print);
}

function heading(title: string): void {
  print('');
  print(`══ ${title} ${'═'.repeat(Math.max(0, 100 - title.length))}`);
}

function judge(first: ContosoRun, second: ContosoRun, scene: CrossingScene): Verdict {
  const proofs = [...first.reports, ...second.reports].flatMap(({ report }) => report.proofs);
  const proven = proofs.filter(({ level }) => level === 'exercised' || level === 'observed');
  const clusters = new Set(first.reports.flatMap(({ report }) => report.clusters));
  const problems = [
    ...(first.result.result === 'Succeeded' ? [] : [`the first run ended as ${first.result.result}`]),
    ...(second.result.result === 'Succeeded' ? [] : [`the second run ended as ${second.result.result}`]),
    ...second.writes.map(({ service, method, path }) => `the second run wrote: ${service} ${method} ${path}`),
    ...(first.writes.length > 0 ? [] : ['the first run wrote nothing']),
    ...(clusters.size === fleet ? [] : [`only ${clusters.size} of ${fleet} clusters were reported`]),
    ...(proofs.length > 0 && proven.length === proofs.length ? [] : [`${proofs.length - proven.length} of ${proofs.length} proofs are missing`]),
    ...scene.problems,
    ...leaks([...first.lines, ...second.lines, ...scene.refused.lines, ...scene.allowed.lines]),
  ];
  return { problems, clusters: clusters.size, firstWrites: first.writes.length, secondWrites: second.writes.length, proven: proven.length, proofs: proofs.length };
}

/** Credentials that got into the output: planted texts, and anything that has the form of a token. */
function leaks(lines: readonly string[]): string[] {
  const planted = Object.entries(canaries).filter(([, text]) => lines.some((line) => line.includes(text)));
  const tokens = lines.filter((line) => /eyJ[\w-]{10,}\.[\w-]+\.[\w-]+/.test(line));
  return [...planted.map(([name]) => `the planted secret ${name} was printed`), ...(tokens.length === 0 ? [] : [`${tokens.length} lines contain a token`])];
}

/** The folder of the programs for `--kube=real`; undefined for the simulator. @throws Error for another value, and when there are none. */
function assetsFor(words: readonly string[]): string | undefined {
  const [asked, ...more] = words.filter((word) => word.startsWith('--kube'));
  if (asked === undefined || (asked === '--kube=simulator' && more.length === 0)) return undefined;
  if (asked !== '--kube=real' || more.length > 0) throw new Error(`${[asked, ...more].join(' ')}: give --kube=real or --kube=simulator, once`);
  const assets = kubeAssets(process.env) ?? kubeAssets({ KUBEBUILDER_ASSETS: kubeAssetsFolder(process.env) });
  if (assets === undefined) throw new Error(howToGetAssets);
  return assets;
}

const passed = await Promise.resolve().then(() => demo(process.argv.includes('--keep'), assetsFor(process.argv.slice(2)))).catch((error: unknown) => {
  print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  print('demo: FAIL the run could not be finished');
  return false;
});
process.exitCode = passed ? 0 : 1;

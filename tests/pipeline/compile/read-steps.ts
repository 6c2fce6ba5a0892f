import type { Position, Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import type { DownloadStep, Located, ScriptStep, Step, CommandRestrictions } from './model.js';

const shells = ['script', 'bash', 'pwsh', 'powershell'] as const;
const stepKeywords = ['task', ...shells, 'checkout', 'publish', 'download'] as const;
const refusedKeywords = ['downloadBuild', 'getPackage', 'upload', 'reviewApp', 'template'];
/** What the service calls steps without a name of their own. */
const shellNames = { script: 'CmdLine', bash: 'Bash', pwsh: 'PowerShell', powershell: 'PowerShell' } as const;
const preferences = ['errorActionPreference', 'warningPreference', 'informationPreference', 'verbosePreference', 'debugPreference', 'progressPreference'] as const;

/** A condition or another scalar, with its place. */
export function located(reader: MapReader, key: string): Located | undefined {
  const at = reader.node(key)?.at;
  const text = reader.string(key);
  return text === undefined || at === undefined ? undefined : { text, at };
}

interface Common {
  readonly displayName?: string;
  readonly name?: string;
  readonly condition?: Located;
  readonly continueOnError: boolean;
  readonly enabled: boolean;
  readonly timeoutInMinutes: number;
  readonly retries: number;
  readonly target?: CommandRestrictions;
  readonly env: ReadonlyMap<string, Located>;
  readonly at: Position;
}

/** Only the host itself can be a target here: there are no containers. Source: yaml-schema, target. */
function readTarget(reader: MapReader, problems: Problems): CommandRestrictions | undefined {
  const node = reader.node('target');
  if (node === undefined) return undefined;
  const inner = node.kind === 'map' ? MapReader.of(node, 'target', problems) : undefined;
  const container = inner === undefined ? reader.string('target') : inner.string('container');
  if (container !== undefined && container !== 'host') problems.unsupported(node.at, `the step target ${container}: there are no containers here, only 'host'`);
  const commands = inner?.string('commands') ?? 'any';
  if (commands !== 'any' && commands !== 'restricted') problems.add(node.at, `'commands' of a target is any or restricted, not ${commands}.`);
  const settable = inner?.strings('settableVariables');
  inner?.done();
  const none = settable?.length === 1 && settable[0] === 'none';
  return { restrictedCommands: commands === 'restricted', ...(settable === undefined ? {} : { settableVariables: none ? [] : settable }) };
}

function common(reader: MapReader, problems: Problems): Common {
  const [displayName, name, condition] = [reader.string('displayName'), reader.string('name'), located(reader, 'condition')];
  const target = readTarget(reader, problems);
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(name === undefined ? {} : { name }),
    ...(condition === undefined ? {} : { condition }),
    continueOnError: reader.boolean('continueOnError') ?? false,
    enabled: reader.boolean('enabled') ?? true,
    timeoutInMinutes: reader.number('timeoutInMinutes') ?? 0,
    retries: reader.number('retryCountOnTaskFailure') ?? 0,
    ...(target === undefined ? {} : { target }),
    env: reader.texts('env'),
    at: reader.at,
  };
}

/** Reads steps; the names of unnamed ones are generated as the service does: `CmdLine`, `CmdLine1`, … */
export class StepReader {
  readonly #problems: Problems;
  readonly #names = new Set<string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  read(nodes: readonly YamlNode[]): readonly Step[] {
    const readers = nodes.flatMap((node) => MapReader.of(node, 'step', this.#problems) ?? []);
    for (const reader of readers) this.#claim(reader);
    return readers.flatMap((reader) => {
      const step = this.#step(reader);
      reader.done();
      return step ?? [];
    });
  }

  /** The download of all artifacts that a deploy hook begins with unless it has a `download` of its own. Source: deployment-jobs docs. */
  automaticDownload(at: Position): DownloadStep {
    return { kind: 'download', source: 'current', patterns: [], name: this.#generated('Download'), displayName: 'Download', continueOnError: false, enabled: true, timeoutInMinutes: 0, retries: 0, env: new Map(), at };
  }

  #claim(reader: MapReader): void {
    const name = reader.string('name');
    if (name === undefined) return;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) this.#problems.add(reader.at, `The step name ${name} is not valid. Names may only contain alphanumeric characters and '_' and cannot start with a number.`);
    if (this.#names.has(name.toLowerCase())) this.#problems.add(reader.at, `The step name ${name} appears more than once. Step names must be unique within a job.`);
    this.#names.add(name.toLowerCase());
  }

  #generated(base: string): string {
    const clean = base.replace(/[^A-Za-z0-9_]/g, '_');
    let name = clean;
    for (let count = 1; this.#names.has(name.toLowerCase()); count += 1) name = `${clean}${count}`;
    this.#names.add(name.toLowerCase());
    return name;
  }

  /** Name and heading of a step: its own, or those made from what it is. */
  #named(rest: Common, base: string, displayName = base): Common & { readonly name: string; readonly displayName: string } {
    return { ...rest, name: rest.name ?? this.#generated(base), displayName: rest.displayName ?? displayName };
  }

  #step(reader: MapReader): Step | undefined {
    const keyword = stepKeywords.find((key) => reader.has(key));
    if (keyword === undefined) {
      const refused = reader.firstOf(refusedKeywords);
      if (refused === undefined) this.#problems.add(reader.at, `A step needs one of ${stepKeywords.join(', ')}.`);
      else this.#problems.unsupported(reader.at, `the step ${refused}`);
      reader.ignore(...reader.keys());
      return undefined;
    }
    const rest = common(reader, this.#problems);
    switch (keyword) {
      case 'task':
        return this.#task(reader, rest);
      case 'checkout':
        return this.#checkout(reader, rest);
      case 'publish':
        return this.#publish(reader, rest);
      case 'download':
        return this.#download(reader, rest);
      case 'script':
      case 'bash':
      case 'pwsh':
      case 'powershell':
        return this.#script(reader, rest, keyword);
    }
  }

  #script(reader: MapReader, rest: Common, shell: ScriptStep['shell']): Step {
    const workingDirectory = reader.string('workingDirectory');
    const power = shell === 'pwsh' || shell === 'powershell';
    return {
      ...this.#named(rest, shellNames[shell]),
      kind: 'script',
      shell,
      script: reader.string(shell) ?? '',
      failOnStderr: reader.boolean('failOnStderr') ?? false,
      ignoreLastExitCode: power ? (reader.boolean('ignoreLASTEXITCODE') ?? false) : false,
      preferences: new Map(power ? preferences.flatMap((name) => (reader.has(name) ? [[name, reader.string(name) ?? ''] as const] : [])) : []),
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
    };
  }

  #task(reader: MapReader, rest: Common): Step {
    const task = reader.string('task') ?? '';
    const base = (task.split('@')[0] ?? '').split('.').at(-1) ?? '';
    return { ...this.#named(rest, base), kind: 'task', task, inputs: reader.texts('inputs') };
  }

  #checkout(reader: MapReader, rest: Common): Step {
    const repository = reader.string('checkout') ?? '';
    reader.ignore('clean', 'fetchDepth', 'fetchTags', 'fetchFilter', 'lfs', 'submodules', 'persistCredentials');
    reader.refuse('path', 'sparseCheckoutDirectories', 'sparseCheckoutPatterns', 'workspaceRepo');
    return { ...this.#named(rest, 'Checkout', `Checkout ${repository}`), kind: 'checkout', repository };
  }

  #publish(reader: MapReader, rest: Common): Step {
    const artifact = reader.string('artifact');
    return { ...this.#named(rest, 'Publish'), kind: 'publish', path: reader.string('publish') ?? '', ...(artifact === undefined ? {} : { artifact }) };
  }

  #download(reader: MapReader, rest: Common): Step {
    const source = reader.string('download') ?? '';
    if (source !== 'current' && source !== 'none') this.#problems.unsupported(reader.node('download')?.at ?? reader.at, `the download of artifacts of another pipeline, '${source}'`);
    const artifact = reader.string('artifact');
    const patterns = (reader.string('patterns') ?? '').split(/\r?\n/).map((one) => one.trim()).filter((one) => one !== '');
    return { ...this.#named(rest, 'Download'), kind: 'download', source: source === 'none' ? 'none' : 'current', patterns, ...(artifact === undefined ? {} : { artifact }) };
  }
}

import type { Position, Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import type { Located, Step } from './model.js';

const stepKeywords = ['task', 'script', 'bash', 'checkout'] as const;
const refusedKeywords = ['powershell', 'pwsh', 'publish', 'download', 'downloadBuild', 'getPackage', 'upload', 'reviewApp', 'template'];

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
  readonly env: ReadonlyMap<string, Located>;
  readonly at: Position;
}

function common(reader: MapReader): Common {
  const [displayName, name, condition] = [reader.string('displayName'), reader.string('name'), located(reader, 'condition')];
  reader.refuse('target', 'retryCountOnTaskFailure');
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(name === undefined ? {} : { name }),
    ...(condition === undefined ? {} : { condition }),
    continueOnError: reader.boolean('continueOnError') ?? false,
    enabled: reader.boolean('enabled') ?? true,
    timeoutInMinutes: reader.number('timeoutInMinutes') ?? 0,
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

  #step(reader: MapReader): Step | undefined {
    const keyword = reader.firstOf(stepKeywords);
    const refused = reader.firstOf(refusedKeywords);
    if (keyword === undefined) {
      if (refused === undefined) this.#problems.add(reader.at, `A step needs one of ${stepKeywords.join(', ')}.`);
      else this.#problems.unsupported(reader.at, `the step ${refused}`);
      reader.ignore(...reader.keys());
      return undefined;
    }
    const rest = common(reader);
    if (keyword === 'task') return this.#task(reader, rest);
    if (keyword === 'checkout') return this.#checkout(reader, rest);
    const workingDirectory = reader.string('workingDirectory');
    return {
      ...rest,
      kind: 'script',
      shell: reader.has('bash') ? 'bash' : 'script',
      name: rest.name ?? this.#generated(keyword === 'bash' ? 'Bash' : 'CmdLine'),
      displayName: rest.displayName ?? (keyword === 'bash' ? 'Bash' : 'CmdLine'),
      script: reader.string(keyword) ?? '',
      failOnStderr: reader.boolean('failOnStderr') ?? false,
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
    };
  }

  #task(reader: MapReader, rest: Common): Step {
    const task = reader.string('task') ?? '';
    const base = (task.split('@')[0] ?? '').split('.').at(-1) ?? '';
    return { ...rest, kind: 'task', task, inputs: reader.texts('inputs'), name: rest.name ?? this.#generated(base), displayName: rest.displayName ?? base };
  }

  #checkout(reader: MapReader, rest: Common): Step {
    const repository = reader.string('checkout') ?? '';
    if (repository !== 'self' && repository !== 'none') this.#problems.unsupported(reader.at, `checkout of '${repository}'`);
    reader.ignore('clean', 'fetchDepth', 'fetchTags', 'fetchFilter', 'lfs', 'submodules', 'persistCredentials');
    reader.refuse('path', 'sparseCheckoutDirectories', 'sparseCheckoutPatterns', 'workspaceRepo');
    return { ...rest, kind: 'checkout', repository, name: rest.name ?? this.#generated('Checkout'), displayName: rest.displayName ?? `Checkout ${repository}` };
  }
}

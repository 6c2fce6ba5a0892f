/** What the build needs of a task.json. */
export interface TaskManifest {
  readonly content: Readonly<Record<string, unknown>>;
  /** `version` as written; each task owns its major. */
  readonly version: { readonly Major: number };
  /** Scripts that its handlers name, without extension: `index`, a post-job step, … */
  readonly scripts: readonly string[];
}

/**
 * Parses a task.json.
 * @throws Error when it is not JSON, has no numeric `version.Major`, or names no script.
 */
export function readTask(name: string, text: string): TaskManifest {
  const content = recordOf(JSON.parse(text));
  const major = recordOf(content.version).Major;
  if (typeof major !== 'number') throw new Error(`tasks/${name}/task.json: version.Major is not a number.`);
  const handlers = ['prejobexecution', 'execution', 'postjobexecution'].flatMap((phase) => Object.values(recordOf(content[phase])));
  const targets = handlers.map((handler) => recordOf(handler).target);
  const scripts = targets.map((target) => (typeof target === 'string' ? /^([\w-]+)\.js$/.exec(target)?.[1] : undefined));
  const named = scripts.filter((script) => script !== undefined);
  if (named.length === 0 || named.length < scripts.length) throw new Error(`tasks/${name}/task.json: every handler needs a target such as index.js.`);
  return { content, version: { Major: major }, scripts: [...new Set(named)] };
}

/** The minor and patch numbers of the package's version. */
export function numbersOf(packageJson: string): readonly [minor: number, patch: number] {
  const version = recordOf(JSON.parse(packageJson)).version;
  const [, minor, patch] = /^\d+\.(\d+)\.(\d+)$/.exec(typeof version === 'string' ? version : '') ?? [];
  if (minor === undefined || patch === undefined) throw new Error('package.json: version must have the form 1.2.3.');
  return [Number(minor), Number(patch)];
}

/** The value itself when it is a JSON object, otherwise an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

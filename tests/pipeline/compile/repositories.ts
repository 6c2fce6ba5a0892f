import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Position, Problems } from '../problems.js';
import { readYaml } from '../yaml/read.js';
import type { YamlNode } from '../yaml/nodes.js';
import { maximumDepth, maximumFiles } from './limits.js';
import type { TemplateMemory } from './limits.js';
import type { SourceFile } from './scope.js';

/** Where template files come from: the pipeline's own folder and local folders for repository resources. */
export class Repositories {
  readonly #folders = new Map<string, string>();
  readonly #problems: Problems;
  readonly #memory: TemplateMemory;
  readonly #parsed = new Map<string, YamlNode | undefined>();
  #included = 0;

  /** @param self the folder that `/`-rooted template paths start from. */
  constructor(self: string, problems: Problems, memory: TemplateMemory) {
    this.#folders.set('self', self);
    this.#problems = problems;
    this.#memory = memory;
  }

  /** Makes `@alias` mean this folder. */
  mount(alias: string, folder: string): void {
    this.#folders.set(alias, folder);
  }

  /** Resolves a template reference as the service does: relative to the including file, `/`-rooted, or `path@alias`. */
  resolve(reference: string, from: SourceFile, at: Position): SourceFile | undefined {
    const mark = reference.lastIndexOf('@');
    const alias = mark === -1 ? from.repository : reference.slice(mark + 1);
    const path = (mark === -1 ? reference : reference.slice(0, mark)).replaceAll('\\', '/');
    if (!this.#folders.has(alias)) {
      this.#problems.add(at, `The repository alias '${alias}' could not be found in resources.repositories.`);
      return undefined;
    }
    const base = mark === -1 && !path.startsWith('/') ? posix.dirname(from.path) : '.';
    const resolved = posix.normalize(posix.join(base, path)).replace(/^\/+/, '');
    if (resolved.startsWith('..')) {
      this.#problems.add(at, `The template '${reference}' lies outside of its repository.`);
      return undefined;
    }
    return { repository: alias, path: resolved, label: alias === 'self' ? resolved : `${resolved}@${alias}` };
  }

  /**
   * Reads a file.
   * @returns undefined, with a problem, when it is missing, no YAML, or one too many.
   * @throws {TemplateLimitExceeded} with a problem, when the files are too large.
   */
  read(file: SourceFile, at: Position): YamlNode | undefined {
    const path = join(this.#folders.get(file.repository) ?? '', file.path);
    if (!existsSync(path) || !statSync(path).isFile()) {
      this.#problems.add(at, `File /${file.path} not found in repository '${file.repository}'.`);
      return undefined;
    }
    if (!this.#parsed.has(path)) {
      this.#included += 1;
      if (this.#included > maximumFiles) {
        this.#problems.add(at, `A pipeline may consist of at most ${maximumFiles} YAML files.`);
        return undefined;
      }
      const content = readYaml(readFileSync(path, 'utf8'), file.label, this.#problems);
      if (content !== undefined) this.#memory.takeAll(content);
      this.#parsed.set(path, content);
    }
    return this.#parsed.get(path);
  }

  /** @returns false, with a problem, when templates are nested too deeply. */
  checkDepth(depth: number, at: Position): boolean {
    if (depth <= maximumDepth) return true;
    this.#problems.add(at, `Maximum template nesting of ${maximumDepth} levels exceeded.`);
    return false;
  }
}

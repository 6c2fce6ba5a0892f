import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isMatch } from './globs.js';

/** Files under a folder, with forward slashes, sorted. */
export function filesIn(folder: string, before = ''): readonly string[] {
  const entries = readdirSync(join(folder, before), { withFileTypes: true }).sort((left, right) => (left.name < right.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = before === '' ? entry.name : `${before}/${entry.name}`;
    return entry.isDirectory() ? filesIn(folder, path) : [path];
  });
}

/** What a download brought: the artifact, where its files are now, and how many. */
export interface Downloaded {
  readonly artifact: string;
  readonly folder: string;
  readonly files: number;
}

/**
 * The pipeline artifacts of a run. A name is published once, whatever attempt does it: names that are to survive a retry carry
 * `$(System.JobAttempt)`. Source: azure-devops-docs#10543, azure-pipelines-tasks#12854.
 */
export class Artifacts {
  readonly #folder: string;
  readonly #buildId: number;

  /** @param folder is made with the first artifact and holds one folder for each. */
  constructor(folder: string, buildId: number) {
    this.#folder = folder;
    this.#buildId = buildId;
  }

  /** Names of all artifacts, sorted. */
  names(): readonly string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder).sort() : [];
  }

  /** @param path absolute, of a file or folder. @returns the number of files. @throws {Error} for the step to fail with. */
  publish(name: string, path: string): number {
    if (name.trim() === '' || /[\\/":<>|*?\r\n]/.test(name) || name === '.' || name === '..') {
      throw new Error(`Artifact name is not valid: ${name}. It cannot be empty or contain '\\', '/', '"', ':', '<', '>', '|', '*' or '?'.`);
    }
    if (!existsSync(path)) throw new Error(`Path does not exist: ${path}. Make the file or folder in an earlier step of this job, or correct 'publish'.`);
    const folder = statSync(path).isDirectory();
    if (folder && existsSync(join(path, '.artifactignore'))) throw new Error(`not supported by the local runner: ${join(path, '.artifactignore')}`);
    const target = join(this.#folder, name);
    if (existsSync(target)) {
      throw new Error(`Artifact ${name} already exists for build ${this.#buildId}. An artifact is published once in a run: put $(System.JobAttempt), or the leg of a matrix, in its name.`);
    }
    mkdirSync(target, { recursive: true });
    cpSync(path, folder ? target : join(target, basename(path)), { recursive: true });
    return filesIn(target).length;
  }

  /**
   * Copies one artifact, or all, to `<workspace>/<artifact>`. Patterns are relative to the artifact, or start with its name when all are asked for.
   * @throws {Error} for the step to fail with.
   */
  download(workspace: string, artifact: string | undefined, patterns: readonly string[]): readonly Downloaded[] {
    const names = this.names();
    if (artifact !== undefined && !names.includes(artifact)) {
      const others = names.length === 0 ? 'It has no artifacts.' : `It has ${names.join(', ')}.`;
      throw new Error(`Artifact ${artifact} was not found for build ${this.#buildId}. ${others}`);
    }
    return names.filter((name) => artifact === undefined || name === artifact).map((name) => {
      const folder = join(workspace, name);
      mkdirSync(folder, { recursive: true });
      const files = filesIn(join(this.#folder, name)).filter((file) => isMatch(artifact === undefined ? `${name}/${file}` : file, patterns));
      for (const file of files) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        cpSync(join(this.#folder, name, file), join(folder, file));
      }
      return { artifact: name, folder, files: files.length };
    });
  }
}

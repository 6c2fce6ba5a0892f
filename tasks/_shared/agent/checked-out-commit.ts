import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const commitId = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * The commit that is checked out in the Git repository around a file; undefined where there is none, or where it is not that simple. An agent checks
 * out a commit and no branch, so that HEAD is its id. Build.SourceVersion would be the same for the pipeline's own repository only, and a
 * policy may come from another one.
 * @param path absolute, or relative to the working folder
 */
export function checkedOutCommit(path: string): string | undefined {
  const repository = repositoryAround(path);
  if (repository === undefined) return undefined;
  const head = textOf(join(repository, 'HEAD')) ?? '';
  const branch = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  const found = branch === undefined ? head : (textOf(join(repository, branch)) ?? '');
  return commitId.test(found) ? found : undefined;
}

/** The nearest `.git` above a file. */
function repositoryAround(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return join(folder, '.git');
    if (dirname(folder) === folder) return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

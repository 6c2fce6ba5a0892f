import type { PlatformPath } from 'node:path';

/**
 * Where the file of `@path` may be, the first place first: an absolute path is one place, any other is looked for below each root.
 * @param platform how paths are written on the agent: `\\` and drives on Windows.
 */
export function placesOf(path: string, roots: readonly string[], platform: PlatformPath): readonly string[] {
  if (platform.isAbsolute(path)) return [path];
  // `C:list.txt` is relative to whatever folder Windows keeps in mind for that drive.
  if (platform.parse(path).root !== '') return [platform.resolve(path)];
  return roots.map((root) => platform.join(root, path));
}

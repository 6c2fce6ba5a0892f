import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file for the boundary policies of a test. */
export class PolicyFile {
  readonly folder = mkdtempSync(join(tmpdir(), 'boundaries-'));

  /** @returns the path */
  write(text: string): string {
    const path = join(this.folder, 'boundaries.yml');
    writeFileSync(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { open } from 'yauzl';

/** The paths of all files in a zip archive, decoded, with forward slashes. */
export function listZip(path: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    open(path, { autoClose: true }, (error, archive) => {
      if (error !== null) {
        reject(error);
        return;
      }
      const names: string[] = [];
      archive.on('entry', ({ fileName }: { fileName: string }) => {
        if (!fileName.endsWith('/')) names.push(decodeURIComponent(fileName));
      });
      archive.on('error', reject);
      archive.on('end', () => {
        resolve(names);
      });
    });
  });
}

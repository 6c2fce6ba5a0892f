import { gzipSync } from 'node:zlib';

const blockSize = 512;

/**
 * The bytes of a packed chart, the same for the same files: what `helm package` writes, without its dates.
 * @param files by their path in the chart; `Chart.yaml` among them
 */
export function chartPackage(name: string, files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([path, content]) => tarEntry(`${name}/${path}`, Buffer.from(content)));
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(2 * blockSize)]));
}

/** A regular file of a tar archive, padded to whole blocks. Source: POSIX pax, ustar interchange format. */
export function tarEntry(path: string, content: Buffer, type = '0'): Buffer[] {
  const header = Buffer.alloc(blockSize);
  header.write(path, 0, 100);
  const octal = (value: number, at: number, digits: number): void => void header.write(`${value.toString(8).padStart(digits, '0')}\0`, at);
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(content.length, 124, 11);
  octal(0, 136, 11);
  header.write(`        ${type}`, 148);
  header.write('ustar\u000000', 257);
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize)];
}

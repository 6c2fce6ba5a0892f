import { gunzipSync } from 'node:zlib';
import { object, text } from '../fleet/json.js';
import { readYaml } from '../fleet/yaml-text.js';

/** Bytes of a block of a tar archive. Source: POSIX pax, ustar interchange format. */
const blockSize = 512;
/** Largest package, unpacked; helm has the same bound. Bytes. Source: helm pkg/chart/loader/archive, MaxDecompressedChartSize. */
const largest = 100 * 1024 * 1024;
const manifest = 'Chart.yaml';

/** Said of a file that is no packed chart; the message says why. */
export class UnusablePackage extends Error {
  override readonly name = 'UnusablePackage';
}

/**
 * The files of a packed chart by their path in the chart, `/` between its parts. Nothing is written to the disk.
 * @throws UnusablePackage when it is no gzipped tar archive with one folder that has a Chart.yaml.
 */
export function packageFiles(packed: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { path, content } of entriesOf(unzipped(packed))) files.set(path.split('/').slice(1).join('/'), content);
  if (!files.has(manifest)) throw new UnusablePackage(`it has no ${manifest} in the one folder that a packed chart has`);
  return files;
}

/** The version that the chart itself says; empty when it says none. */
export function chartVersion(files: ReadonlyMap<string, Buffer>): string {
  const read = readYaml(files.get(manifest)?.toString('utf8') ?? '');
  return 'flaw' in read ? '' : (text(object(read.content).version) ?? '');
}

function unzipped(packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: largest });
  } catch (error) {
    throw new UnusablePackage(`it is not a gzipped archive of at most ${largest} bytes (${error instanceof Error ? error.message : String(error)})`);
  }
}

interface Entry {
  readonly path: string;
  readonly content: Buffer;
}

/** The files of a tar archive. Paths of more than a hundred characters come before their file, as pax records or in GNU's way. */
function entriesOf(archive: Buffer): Entry[] {
  const found: Entry[] = [];
  let longPath: string | undefined;
  for (let at = 0; at + blockSize <= archive.length && archive[at] !== 0; ) {
    const header = archive.subarray(at, at + blockSize);
    const size = Number.parseInt(textAt(header, 124, 12), 8);
    const content = archive.subarray(at + blockSize, at + blockSize + size);
    if (!(size >= 0) || content.length !== size) throw new UnusablePackage('its archive is damaged');
    const type = textAt(header, 156, 1);
    if (type === 'x') longPath = paxPath(content) ?? longPath;
    else if (type === 'L') longPath = textAt(content, 0, size);
    else if (type !== 'g') {
      if (type !== '5') found.push({ path: longPath ?? pathOf(header), content });
      longPath = undefined;
    }
    at += blockSize + Math.ceil(size / blockSize) * blockSize;
  }
  return found;
}

function pathOf(header: Buffer): string {
  const prefix = textAt(header, 257, 5) === 'ustar' ? textAt(header, 345, 155) : '';
  return `${prefix === '' ? '' : `${prefix}/`}${textAt(header, 0, 100)}`;
}

/** Text of a field, up to the first NUL or its end. */
function textAt(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString('utf8').trim();
}

/** Source: POSIX pax, extended header: `length key=value` and a line feed, where the length counts itself. */
function paxPath(records: Buffer): string | undefined {
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.subarray(at, at + 12).toString('latin1'), 10);
    if (!(length > 0)) return undefined;
    const [, path] = /^\d+ path=([^]*)\n$/.exec(records.subarray(at, at + length).toString('utf8')) ?? [];
    if (path !== undefined) return path;
    at += length;
  }
  return undefined;
}

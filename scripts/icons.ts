import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePng, type Colour } from './png.js';

/** A point in a drawing that is one unit wide and high, with y going down. */
interface Point {
  readonly x: number;
  readonly y: number;
}

const light: Colour = [0x2b, 0x9b, 0xf4, 255];
const dark: Colour = [0x00, 0x4e, 0x8c, 255];
const white: Colour = [255, 255, 255, 255];
const clear: Colour = [0, 0, 0, 0];
/** Samples of a pixel in each direction. */
const samples = 8;

/** Inside a square with round corners that leaves a thin margin. */
function inBadge({ x, y }: Point): boolean {
  const half = 0.48;
  const radius = 0.11;
  const dx = Math.max(Math.abs(x - 0.5) - (half - radius), 0);
  const dy = Math.max(Math.abs(y - 0.5) - (half - radius), 0);
  return dx * dx + dy * dy <= radius * radius;
}

/** Inside a shield: straight shoulders that dip at the middle, flanks that meet in a point. */
function inShield({ x, y }: Point): boolean {
  const across = Math.abs(x - 0.5);
  const top = 0.2 + 0.055 * Math.min(1, across / 0.28) ** 1.6;
  const waist = 0.47;
  if (y < top || y > 0.84) return false;
  const width = y <= waist ? 0.285 : 0.285 * Math.sqrt(Math.max(0, 1 - ((y - waist) / (0.84 - waist)) ** 1.75));
  return across <= width;
}

/** Inside a key that stands upright: a ring above, a shaft with two teeth below. */
function inKey({ x, y }: Point): boolean {
  const distance = Math.hypot(x - 0.5, y - 0.395);
  if (distance <= 0.105) return distance >= 0.048;
  const inBox = (left: number, top: number, right: number, bottom: number): boolean => x >= left && x <= right && y >= top && y <= bottom;
  return inBox(0.472, 0.48, 0.528, 0.715) || inBox(0.52, 0.565, 0.6, 0.612) || inBox(0.52, 0.655, 0.58, 0.702);
}

function colourAt(point: Point): Colour {
  if (!inBadge(point)) return clear;
  if (inShield(point) && !inKey(point)) return white;
  const depth = Math.min(1, Math.max(0, (point.x + point.y) / 2));
  const mix = (index: 0 | 1 | 2): number => light[index] + (dark[index] - light[index]) * depth;
  return [mix(0), mix(1), mix(2), 255];
}

/** One pixel: the mean of its samples, weighted by how opaque they are. */
function pixelAt(column: number, row: number, size: number): Colour {
  const sum = [0, 0, 0, 0] as [number, number, number, number];
  for (let index = 0; index < samples * samples; index += 1) {
    const x = (column + ((index % samples) + 0.5) / samples) / size;
    const y = (row + (Math.floor(index / samples) + 0.5) / samples) / size;
    const [red, green, blue, alpha] = colourAt({ x, y });
    sum[0] += red * alpha;
    sum[1] += green * alpha;
    sum[2] += blue * alpha;
    sum[3] += alpha;
  }
  const opaque = Math.max(sum[3], 1);
  return [sum[0] / opaque, sum[1] / opaque, sum[2] / opaque, sum[3] / (samples * samples)];
}

/** The icon of the extension and its tasks as a PNG of `size` by `size` pixels. */
export function drawIcon(size: number): Buffer {
  return encodePng(size, (column, row) => pixelAt(column, row, size));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(import.meta.dirname, '..', 'images');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'extension-icon.png'), drawIcon(128));
  await writeFile(join(folder, 'task-icon.png'), drawIcon(32));
}

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareChart, type ChartSettings } from '../../../tasks/_shared/kubernetes/chart.js';

const identity = { mode: 'inject', serviceAccount: 'api', clientId: 'c', tenantId: 't' } as const;

describe('the digest of a chart', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'Diagramm für alle-'))));
  afterEach(() => rm(folder, { recursive: true }));

  async function digest(name: string, files: Readonly<Record<string, string | Buffer>>, settings: Partial<ChartSettings> = {}): Promise<string> {
    const chart = join(folder, name);
    for (const [path, content] of Object.entries({ 'Chart.yaml': 'name: x\nversion: 1.0.0\n', ...files })) {
      await mkdir(join(chart, path, '..'), { recursive: true });
      await writeFile(join(chart, path), content);
    }
    return (await prepareChart({ folder: chart, valuesFiles: [], values: '', ...settings }, identity)).digest;
  }

  it('is the same for a checkout with the line ends of Windows, in chart, values files and values', async () => {
    const [unix, windows] = [join(folder, 'unix werte.yaml'), join(folder, 'windows werte.yaml')];
    await writeFile(unix, 'a: ü\nb: 2\n');
    await writeFile(windows, 'a: ü\r\nb: 2\r\n');
    const one = await digest('unix', { 'templates/a.yaml': 'kind: A\nname: ü\n', 'README.md': 'x\n' }, { valuesFiles: [unix], values: 'c: 3\n' });
    const two = await digest('windows', { 'Chart.yaml': 'name: x\r\nversion: 1.0.0\r\n', 'templates/a.yaml': 'kind: A\r\nname: ü\r\n', 'README.md': 'x\r\n' }, { valuesFiles: [windows], values: 'c: 3\r\n' });
    assert.equal(one, two);
  });

  it('is what it always was where no credentials are taken out, and tells apart which ones are', async () => {
    const chart = join(folder, 'plain');
    await mkdir(chart);
    await writeFile(join(chart, 'Chart.yaml'), 'name: x\nversion: 1.0.0\n');
    const of = (...names: string[]): ReturnType<typeof prepareChart> => prepareChart({ folder: chart, valuesFiles: [], values: '' }, { ...identity, ...(names.length === 0 ? {} : { without: names.map((name) => ({ kind: 'env' as const, name })) }) });
    const [plain, one, other] = await Promise.all([of(), of('A'), of('B')]);
    assert.equal(plain.digest, '959011bf0abea0cf447470cd5edd05abaf98b344');
    assert.deepEqual([plain.without, new Set([plain.digest, one.digest, other.digest]).size, new Set([plain.content, one.content]).size], [undefined, 3, 1]);
    assert.match(one.without ?? '', /^[0-9a-f]{40}$/);
    assert.notEqual(one.without, other.without);
  });

  it('differs for every other difference', async () => {
    const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
    const variants = [
      { 'files/a': 'x\ny' },
      { 'files/a': 'x\n\ny' },
      { 'files/a': 'x\ry' },
      { 'files/b': 'x\ny' },
      { 'files/a': bytes('x\0\ny') },
      { 'files/a': bytes('x\0\r\ny') },
      { 'files/a': bytes('x\xe4\ny') },
      { 'files/a': bytes('x\xe5\ny') },
    ];
    const found = await Promise.all(variants.map((files, index) => digest(`v${index}`, files)));
    assert.equal(new Set(found).size, variants.length);
  });
});

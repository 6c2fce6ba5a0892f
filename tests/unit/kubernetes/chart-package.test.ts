import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { prepareChart } from '../../../tasks/_shared/kubernetes/chart.js';
import { chartVersion, packageFiles, UnusablePackage } from '../../../tasks/_shared/kubernetes/chart-package.js';
import { SecretValues } from '../../../tasks/_shared/kubernetes/secret-values.js';
import { chartPackage, tarEntry } from '../../tools/chart-package.js';

const identity = { mode: 'inject', serviceAccount: 'api', clientId: 'c', tenantId: 't' } as const;
const manifest = 'name: orders\nversion: 1.0.0\n';

function packed(...entries: readonly Buffer[][]): Buffer {
  return gzipSync(Buffer.concat([...entries.flat(), Buffer.alloc(1024)]));
}

describe('a packed chart', () => {
  it('is read with long names in both ways, folders left out', () => {
    const long = `orders/templates/${'n'.repeat(120)}.yaml`;
    const record = ` path=${long}\n`;
    const length = String(record.length + 3);
    const files = packageFiles(packed(
      tarEntry('orders/', Buffer.alloc(0), '5'),
      tarEntry('orders/Chart.yaml', Buffer.from(manifest)),
      tarEntry('pax', Buffer.from(`${length}${record}`), 'x'),
      tarEntry('cut', Buffer.from('a')),
      tarEntry('././@LongLink', Buffer.from(`${long}2\0`), 'L'),
      tarEntry('cut', Buffer.from('b'.repeat(513))),
    ));
    const names = [`templates/${'n'.repeat(120)}.yaml`, `templates/${'n'.repeat(120)}.yaml2`];
    assert.deepEqual([...files.keys()], ['Chart.yaml', ...names]);
    assert.deepEqual(names.map((name) => files.get(name)?.length), [1, 513]);
    assert.equal(chartVersion(files), '1.0.0');
  });

  it('that is damaged, or is none, is refused', () => {
    const whole = Buffer.concat(tarEntry('orders/Chart.yaml', Buffer.from(manifest)));
    const broken: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.from('<html>'), /not a gzipped archive of at most 104857600 bytes/],
      [gzipSync(whole).subarray(0, 40), /not a gzipped archive/],
      [gzipSync(whole.subarray(0, 530)), /its archive is damaged/],
      [packed(tarEntry('Chart.yaml', Buffer.from(manifest))), /no Chart\.yaml in the one folder/],
    ];
    for (const [content, because] of broken) assert.throws(() => packageFiles(content), (error) => error instanceof UnusablePackage && because.test(error.message));
  });

  it('has the same digest however it was packed, and another one for other files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    const digest = async (content: Buffer): Promise<string> => {
      const path = join(folder, 'chart.tgz');
      await writeFile(path, content);
      return (await prepareChart({ folder: path, source: 'package', valuesFiles: [], values: '' }, identity)).digest;
    };
    const [one, two] = [tarEntry('orders/Chart.yaml', Buffer.from(manifest)), tarEntry('orders/values.yaml', Buffer.from('a: 1\n'))];
    const first = await digest(packed(one, two));
    assert.equal(await digest(packed(two, one)), first);
    assert.notEqual(await digest(chartPackage('orders', { 'Chart.yaml': manifest, 'values.yaml': 'a: 2\n' })), first);
    await rm(folder, { recursive: true });
  });
});

describe('secret values', () => {
  it('are told apart by a label that another run salts otherwise', () => {
    const [one, again, other] = ['pin: 1234\n', 'pin: 1234\r\n', 'pin: 1235\n'].map((text) => new SecretValues(() => text));
    assert.ok(one !== undefined && again !== undefined && other !== undefined);
    assert.equal(one.label(), one.label());
    assert.notEqual(one.label(), again.label());
    assert.ok(again.match(one.label()), 'line ends make no difference');
    assert.ok(!other.match(one.label()));
    assert.ok(!one.match('') && !one.match('no-label-of-ours'));
  });
});

import { row, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const repository = { given: { chart: 'orders', repo: 'https://charts.contoso.com' } };
const registry = { given: { chart: 'oci://crorders.azurecr.io/charts/orders' } };
const oneVersion = /one whole version such as 1\.2\.3; helm would take the newest/;
const digest = `sha256:${'a'.repeat(64)}`;
const oci = /oci:\/\/registry\/path in lower case, without a tag/;
const lines = /give lines such as image\.tag=1\.10, one value each/;

/** Where charts of DeployWithIdentity come from, and their single and secret values. No text of values may come back. */
export const chartRows: readonly BadInput[] = [
  ...row(deploy, 'chart', '{files}/chart.tgz', 'WI1062', 'chart.tgz', /it is not a gzipped archive .*give the file that helm package wrote/),
  ...row(deploy, 'chart', '{files}/nowhere.tgz', 'WI1062', 'nowhere.tgz', /there is no such file; give the file that helm package wrote/),
  ...row(deploy, 'chart', 'https://charts.contoso.com/orders-1.0.0.tgz', 'WI1062', 'https://charts.contoso.com', /give the chart’s name, the repository in repo/),
  ...row(deploy, 'chart', '', 'WI1007', 'a folder/orders', /the name of a chart in the repository of input repo/, { given: { ...repository.given, version: '1.2.3', chart: 'a folder/orders' } }),
  ...['oci://crorders.azurecr.io', 'oci://crorders.azurecr.io/Charts/orders', 'oci://crorders.azurecr.io/orders:1.2.3', 'oci://u:p@crorders.azurecr.io/orders', 'OCI:orders'].flatMap((chart) => row(deploy, 'chart', chart, 'WI1007', chart, oci, { given: { version: '1.2.3' } })),

  ...['http://charts.contoso.com', 'charts.contoso.com', 'https://charts.contoso.com/#top'].flatMap((repo) => row(deploy, 'repo', repo, 'WI1007', repo, /an address such as https:\/\/charts\.contoso\.com\/stable/, { given: { chart: 'orders', version: '1.2.3' } })),
  ...['https://canary:secret@charts.contoso.com', 'https://charts.contoso.com/?sig=canary'].flatMap((repo) => row(deploy, 'repo', repo, 'WI1007', 'carries credentials or a query', /read without a login/, { given: { chart: 'orders', version: '1.2.3' } })),
  ...row(deploy, 'repo', 'oci://crorders.azurecr.io/charts', 'WI1007', 'oci://crorders.azurecr.io/charts', /the whole address of the chart in chart/, { given: { chart: 'orders', version: '1.2.3' } }),
  ...row(deploy, 'repo', 'https://charts.contoso.com', 'WI1060', 'is given', /names a registry already/, { given: { ...registry.given, version: '1.2.3' } }),
  ...row(deploy, 'repo', '$(repo)', 'WI1005', '$(repo)', /link the variable group/),

  ...['latest', '1.2', '^1.2.3', '1.2.x', '>=1.0.0', '1.2.3 || 2', '01.2.3', '1.2.3-', 'v1'].flatMap((version) => row(deploy, 'version', version, 'WI1007', version, oneVersion, repository)),
  ...row(deploy, 'version', '', 'WI1060', 'is empty', /no version would mean the newest one.*give the version of the chart, such as 1\.2\.3$/, repository),
  ...row(deploy, 'version', '', 'WI1060', 'is empty', /no version would mean the newest one.*or chartDigest$/, registry),
  ...row(deploy, 'version', '1.2.3', 'WI1060', '1.2.3', /has its version in Chart\.yaml/),
  ...['sha256:abc', 'a'.repeat(64), digest.toUpperCase()].flatMap((given) => row(deploy, 'chartDigest', given, 'WI1007', given.slice(0, 20), /sha256: and 64 hexadecimal digits in lower case/, { given: { ...repository.given, version: '1.2.3' } })),
  ...row(deploy, 'chartDigest', digest, 'WI1060', digest, /is a folder, which has no digest/),
  ...row(deploy, 'chartDigest', digest, 'WI1060', digest, /the digest in chart is another one/, { given: { chart: `oci://crorders.azurecr.io/charts/orders@sha256:${'b'.repeat(64)}` } }),

  ...row(deploy, 'set', 'image.tag=1\ncanary', 'WI1007', 'at line 2', /it has no "="/),
  ...row(deploy, 'set', 'a..b=canary', 'WI1007', 'at line 1', /its path has an empty part/),
  ...row(deploy, 'set', 'hosts[0]=canary', 'WI1007', 'at line 1', /lists are written in values/),
  ...row(deploy, 'set', 'a={canary,b}', 'WI1007', 'at line 1', /a list or a mapping, which belongs into values/),
  ...row(deploy, 'set', 'a=canary,b=2', 'WI1007', 'at line 1', /several settings in one line/),
  ...row(deploy, 'set', 'a="canary', 'WI1007', undefined, lines, { given: { set: 'a="canary"x"' } }),
  ...row(deploy, 'set', 'a=canary\na.b=2', 'WI1007', 'at line 2', /gives a part of its path a value/),
  ...row(deploy, 'set', 'a.b=canary\na=2', 'WI1007', 'at line 2', /a line before sets the same/),
  ...row(deploy, 'set', '@nowhere.txt', 'WI1006', '@nowhere.txt', /relative to the sources/),

  ...row(deploy, 'secretValues', 'password: "canary', 'WI1007', 'cannot be read', /it is not YAML: missing char at line 1, column 18; give a YAML mapping/),
  ...row(deploy, 'secretValues', '- canary', 'WI1007', 'cannot be read', /not a mapping/),
  ...row(deploy, 'secretValues', "password: '$(databasePassword)'", 'WI1005', '$(databasePassword)', /link the variable group that defines databasePassword/),
  ...row(deploy, 'historyLimit', '0', 'WI1002', '"0"', /give a whole number from 1 to 100/),
  ...row(deploy, 'alwaysUpgrade', 'yes', 'WI1003', '"yes"', /give true or false/),
];

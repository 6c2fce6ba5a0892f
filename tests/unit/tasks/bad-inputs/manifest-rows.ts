import { row, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const form = /folders or files, absolute or relative to the sources, separated by commas or lines; patterns such as \*\.yaml are not expanded/;
/** A set in the place of the chart that is given otherwise. */
const set = { given: { source: 'manifests', chart: '', helmPath: '' } };
const bad = (manifests: string, shown: string, accepted: RegExp): BadInput[] => row(deploy, 'manifests', manifests, 'WI1062', shown, accepted, set);
const beside = (name: string, value: string, accepted: RegExp): BadInput[] => row(deploy, name, value, 'WI1060', 'is given', accepted, { given: { ...set.given, manifests: '{files}/manifests/good', [name]: value } });

/** Manifests in the place of a chart. No text of a manifest may come back. */
export const manifestRows: readonly BadInput[] = [
  ...row(deploy, 'source', 'kustomize', 'WI1003', '"kustomize"', /give helm or manifests$/),
  ...row(deploy, 'conflicts', 'force', 'WI1003', '"force"', /give fail or overwrite$/),
  ...row(deploy, 'manifests', '{files}/manifests/good', 'WI1060', 'is given', /source is helm, which deploys a chart; set source to manifests, or leave manifests empty/),
  ...row(deploy, 'conflicts', 'overwrite', 'WI1060', 'is given', /source is helm.*leave conflicts empty/),
  ...row(deploy, 'manifests', '', 'WI1001', undefined, /give it a value/, set),
  ...row(deploy, 'manifests', '$(folder)', 'WI1005', '$(folder)', /link the variable group/, set),
  ...row(deploy, 'manifests', '@list.txt', 'WI1006', '@list.txt', /relative to the sources/, set),
  ...bad('nowhere', 'nowhere', form),
  ...bad('{files}/manifests/*.yaml', '*.yaml', form),
  ...bad('{files}/folder', '{files}/folder', form),
  ...bad('{files}/chart.tgz', 'chart.tgz', /its name does not end in \.yaml, \.yml or \.json/),
  ...bad('{files}/manifests/good, {files}/manifests/broken', 'broken/a.yaml', /it is not YAML: missing char at line 1, column \d+; correct the file; templates have to be rendered first/),
  ...bad('{files}/manifests/kustomized', 'kustomized/kustomization.yaml', /a kustomization, which the task does not render; render it first \(kubectl kustomize <folder> > manifests\.yaml\)/),
  ...bad('{files}/manifests/chart', 'manifests/chart', /the folder of a chart; set source to helm and give it as chart/),
  ...bad('{files}/manifests/other', 'other/below/b.yml', /config map elsewhere\/b is for another namespace than orders; deploy it as a set of its own/),
  ...bad('{files}/manifests/empty.yaml', 'empty.yaml', /there is no object in it; give files with Kubernetes manifests/),
  ...bad('{files}/good.yaml', 'good.yaml', /it has no apiVersion, so it is no manifest; give Kubernetes manifests only/),
  ...bad('{files}/manifests/good, {files}/manifests/good/a.yaml', 'good/a.yaml', /config map a is in it already; leave one of the two/),
  ...beside('chart', 'tests/fixtures/contoso/charts/orders-api', /source is manifests, which have no chart and no values; leave chart empty, or set source to helm/),
  ...beside('values', 'a: canary', /leave values empty/),
  ...beside('valuesFiles', '{files}/good.yaml', /leave valuesFiles empty/),
  ...beside('helmPath', 'helm', /leave helmPath empty/),
  ...row(deploy, 'clusters', '[{"cluster": "rg/aks-1", "values": "a: canary"}]', 'WI1060', 'aks-1', /take values out of the list/, { given: { ...set.given, manifests: '{files}/manifests/good' } }),
];

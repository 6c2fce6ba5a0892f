import { row, unseen, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const select = 'SelectClusters';
const release = /lower-case letters, digits and hyphens, at most 53, beginning and ending with a letter or digit/;
const chartFolder = /the folder that has the Chart\.yaml, absolute or relative to the sources/;
const mapping = /a YAML mapping such as "replicaCount: 2"/;
const list = /ARM ids or resourceGroup\/name, separated by commas, or one-line JSON/;
const variable = 'Variable clusters ';

const pod = { proveFrom: 'pod', proofImage: 'contoso.azurecr.io/curl:8' };

/** What DeployWithIdentity and SelectClusters have alone. No text of `values` may come back. */
export const releaseRows: readonly BadInput[] = [
  ...row(deploy, 'chart', '', 'WI1001', undefined, /give it a value/),
  ...row(deploy, 'chart', '$(chart)', 'WI1005', '$(chart)', /link the variable group/),
  ...row(deploy, 'chart', 'charts/nowhere', 'WI1062', 'charts/nowhere', chartFolder),
  ...row(deploy, 'chart', '{files}', 'WI1062', '{files}', /it has no Chart\.yaml.*give the folder that has the Chart\.yaml/),
  ...row(deploy, 'chart', `charts/${unseen.zeroWidthSpace}orders`, 'WI1063', 'charts/\\u{200B}orders', /character 8 is U\+200B/),

  ...row(deploy, 'releaseName', '', 'WI1001', undefined, /give it a value/),
  ...['Orders', 'orders_api', 'orders.api', 'orders-', '-orders', 'orders api', 'o'.repeat(54)].flatMap((name) => row(deploy, 'releaseName', name, 'WI1007', name, release)),
  ...row(deploy, 'releaseName', '$(release)', 'WI1005', '$(release)', /link the variable group/),

  ...row(deploy, 'valuesFiles', 'nowhere.yaml', 'WI1062', 'nowhere.yaml', /there is no such file; give a path that is absolute or relative to the sources/),
  ...row(deploy, 'valuesFiles', '{files}', 'WI1062', '{files}', /it is not a file/),
  ...row(deploy, 'valuesFiles', '{files}/utf16.txt', 'WI1062', 'utf16.txt', /save it as UTF-8/),
  ...row(deploy, 'valuesFiles', '{files}/good.yaml, {files}/list.yaml', 'WI1062', 'list.yaml', /it is YAML, but not a mapping; correct the file/),
  ...row(deploy, 'valuesFiles', '{files}/good.yaml {files}/good.yaml', 'WI1062', 'good.yaml', /there is no such file/),
  ...row(deploy, 'valuesFiles', '{files}/tabs.yaml', 'WI1062', 'tabs.yaml', /it is not YAML: .+ at line 2, column 1/),
  ...row(deploy, 'valuesFiles', '@values.txt', 'WI1006', '@values.txt', /relative to the sources/),
  ...row(deploy, 'valuesFiles', '$(files)', 'WI1005', '$(files)', /link the variable group/),

  ...row(deploy, 'values', 'password: "canary', 'WI1007', '17 characters', /it is not YAML: missing char at line 1, column 18; give a YAML mapping/),
  ...row(deploy, 'values', 'a:\n\tcanary: 1', 'WI1007', '13 characters', /it is not YAML: .+ at line 2, column 1/),
  ...row(deploy, 'values', '- canary', 'WI1007', '8 characters', mapping),
  ...row(deploy, 'values', 'canary', 'WI1007', '6 characters', /YAML, but not a mapping/),
  ...row(deploy, 'values', 'canary=1,b=2', 'WI1007', '12 characters', /YAML, but not a mapping/),
  ...row(deploy, 'values', 'canary: 1\ncanary: 2', 'WI1007', '19 characters', /duplicate key at line 2, column 1/),
  ...row(deploy, 'values', 'a: 1\n---\ncanary: 2', 'WI1007', '18 characters', /multiple docs at line 2/),
  ...row(deploy, 'values', 'a: *canary', 'WI1007', '10 characters', /an alias that refers to nothing/),
  ...row(deploy, 'values', '', 'WI1007', '8 characters', mapping, { begins: 'Input values, as the list sets it for aks-1, ', given: { clusters: '[{"cluster": "rg/aks-1", "values": "- canary"}]' } }),
  ...row(deploy, 'clusters', '[{"cluster": "rg/aks-1", "values": "password: canary", "more": "x"}]', 'WI1004', '{cluster: rg/aks-1, values: …, more: …}', /"more" cannot be set per cluster/),
  ...row(deploy, 'clusters', '[{"values": "password: canary", "cluster": "rg/aks-1"', 'WI1004', '[{', /neither JSON nor YAML/),
  ...row(deploy, 'clusters', '{"values": "canary"}', 'WI1004', '{', /has to be a sequence/),

  ...row(deploy, 'helmPath', '/nowhere/helm', 'WI1062', '/nowhere/helm', /leave it empty for the one on the PATH; the task does not expand ~ and \$NAME/),
  ...row(deploy, 'helmPath', '~/bin/helm', 'WI1062', '~/bin/helm', /does not expand ~/),
  ...row(deploy, 'helmPath', '{files}/', 'WI1062', '{files}', /it is not a file/),
  ...row(deploy, 'helmPath', '$(helmPath)', 'WI1005', '$(helmPath)', /link the variable group/),
  ...row(deploy, 'timeoutInMinutes', '$(minutes)', 'WI1005', '$(minutes)', /link the variable group/),

  ...row(select, 'azureSubscription', 'nobody', 'WI1010', 'nobody', /authorize the pipeline to use it/, { begins: 'The service connection nobody' }),
  ...row(select, 'azureSubscription', '$(connection)', 'WI1005', '$(connection)', /link the variable group/),
  ...row(select, 'variableGroup', '$(group)', 'WI1005', '$(group)', /link the variable group that defines group/),
  ...row(select, 'variableGroup', `con${unseen.joiner}toso`, 'WI1063', 'con\\u{200D}toso', /character 4 is U\+200D/),
  ...row(select, 'variableName', '$(name)', 'WI1005', '$(name)', /link the variable group that defines name/),
  ...row(select, 'variableName', 'rg/aks-1,rg/aks-2', 'WI1007', 'rg/aks-1,rg/aks-2', /the name of a variable, as in "clusters"; not its value/),
  ...row(select, 'variableName', '["rg/aks-1"]', 'WI1007', '["rg/aks-1"]', /not its value/),
  ...row(select, 'variableName', 'fleet', 'WI1021', 'fleet', /link the group \("variables: - group: name"\)/, { begins: 'This job has no variable ' }),
  ...row(select, 'variableName', 'clusters', 'WI1005', '$(inner)', /link the variable group that defines inner/, { begins: variable, variables: { clusters: '$(inner)' } }),
  ...row(select, 'variableName', 'clusters', 'WI1025', 'clusters', /open the padlock/, { begins: variable, secretVariables: ['clusters'] }),
  ...row(select, 'variableName', 'clusters', 'WI1026', undefined, list, { begins: variable, variables: { clusters: '' } }),
  ...row(select, 'variableName', 'clusters', 'WI1026', undefined, list, { begins: variable, variables: { clusters: '[]' } }),
  ...row(select, 'variableName', 'clusters', 'WI1027', '/AKS-1', /remove one of the two entries/, { begins: variable, variables: { clusters: 'rg/aks-1, rg/AKS-1' } }),
  ...row(select, 'variableName', 'clusters', 'WI1028', 'aks-1', list, { begins: variable, variables: { clusters: 'aks-1' } }),
  ...row(select, 'variableName', 'clusters', 'WI1028', 'rg/aks-1', /give the ARM id, or a service connection with a subscription in azureSubscription/, { begins: variable, given: { azureSubscription: '' }, variables: { clusters: 'rg/aks-1' } }),
  ...row(select, 'variableName', 'clusters', 'WI1028', '[{', /neither JSON nor YAML/, { begins: variable, variables: { clusters: '[{"cluster": "rg/aks-1", "values": "canary"' } }),
  ...row(deploy, 'identityMode', 'values', 'WI1003', 'values', /give inject or verify/),
  ...['3599', '86401', '1h'].flatMap((seconds) => row(deploy, 'tokenExpirationSeconds', seconds, 'WI1002', seconds, /give a whole number from 3600 to 86400$/)),
  ...row(deploy, 'tokenExpirationSeconds', '7200', 'WI1060', '7200', /identityMode is verify.*set identityMode to inject$/, { given: { identityMode: 'verify' } }),
  ...['team', '=orders', 'team=orders sales', 'Team/=x'].flatMap((line) => row(deploy, 'namespaceLabels', line, 'WI1007', line, /key=value as labels are written/)),
  ...['control-plane=true', 'kubernetes.io/x=y', 'pod-security.kubernetes.io/enforce=privileged', 'admission.gatekeeper.sh/ignore=yes', 'app.kubernetes.io/managed-by=me'].flatMap((line) => row(deploy, 'namespaceLabels', line, 'WI1007', line, /a label that is not reserved/)),
  ...row(deploy, 'namespaceLabels', 'team=a, team=b', 'WI1007', 'team=b', /each label once/),
  ...['strict', 'enforce:baseline', 'restricted@1.31'].flatMap((entry) => row(deploy, 'podSecurity', entry, 'WI1007', entry, /privileged, baseline, restricted, or mode=level/)),
  ...row(deploy, 'podSecurity', 'baseline, enforce=restricted', 'WI1007', 'enforce=restricted', /one level for enforce/),
  ...['view', 'orders-team: view', '4c8f0000-0000-4000-8000-000000000001', '4c8f0000-0000-4000-8000-000000000001: ', '4c8f0000-0000-4000-8000-000000000001: a/b'].flatMap((line) => row(deploy, 'access', line, 'WI1007', line.trim(), /group-object-id: role/)),
  ...['cluster-admin', 'ClusterRole/cluster-admin', 'ClusterRole/system:node'].flatMap((role) => row(deploy, 'access', `4c8f0000-0000-4000-8000-000000000001: ${role}`, 'WI1007', role, /never cluster-admin/)),
  ...row(deploy, 'access', '4c8f0000-0000-4000-8000-000000000001: View', 'WI1007', 'View', /view in lower-case letters; or Role\/View/),
  ...row(deploy, 'access', '4c8f0000-0000-4000-8000-000000000001: view\n4c8f0000-0000-4000-8000-000000000001: view', 'WI1061', 'ClusterRole/view', /remove one of the two/),
  ...row(deploy, 'plainSecrets', 'ignore', 'WI1003', 'ignore', /give auto or error or warn or allow-list/),
  ...['orders-db', 'Secret/', 'Secret/orders db', 'Secret/a/b/c'].flatMap((entry) => row(deploy, 'allowedSecrets', entry, 'WI1007', entry, /Kind\/name, or Kind\/name\/key/, { given: { plainSecrets: 'allow-list' } })),
  ...row(deploy, 'allowedSecrets', 'Secret/orders-db', 'WI1060', undefined, /set plainSecrets to allow-list, or leave allowedSecrets empty/),
  ...row(deploy, 'allowedSecrets', '', 'WI1060', 'is empty', /list what may pass, or set plainSecrets to error/, { given: { plainSecrets: 'allow-list' } }),
  ...row(deploy, 'latestImages', 'ignore', 'WI1003', 'ignore', /give auto or error or warn/),
  ...row(deploy, 'otherNamespaces', 'Billing', 'WI1007', 'Billing', /names of namespaces/),
  ...row(deploy, 'namespace', 'kube-system', 'WI1060', 'kube-system', /deploy into a namespace of the workload/),
  ...row(deploy, 'atomic', 'yes', 'WI1003', '"yes"', /give true or false/),
  ...row(deploy, 'proveFrom', 'cluster', 'WI1003', 'cluster', /give agent or pod or none/),
  ...row(deploy, 'proofImage', '', 'WI1060', undefined, /input proveFrom is pod.*has sh and curl/, { given: { proveFrom: 'pod' } }),
  ...['curl', 'Contoso.azurecr.io/curl:8', 'contoso.azurecr.io/curl@sha256:1', '$image'].flatMap((image) => row(deploy, 'proofImage', image, 'WI1007', image, /an image with its tag or digest that has sh and curl/)),
  ...row(deploy, 'secrets', 'cert:orders', 'WI1007', 'cert:orders', /letters, digits and hyphens, at most 127/, { given: { ...pod, keyVault: 'rg/kv-orders' } }),
  ...row(deploy, 'keyVault', 'kv orders', 'WI1007', 'kv orders', /an ARM id of type Microsoft\.KeyVault\/vaults/, { given: pod }),
  ...row(deploy, 'secrets', '', 'WI1060', undefined, /keyVault names kv-orders, and a pod would read nothing from it; name the secrets that a pod has to be able to read/, { given: { ...pod, keyVault: 'rg/kv-orders' } }),
  ...row(deploy, 'keyVault', '', 'WI1060', undefined, /input secrets names secrets, and nothing says which vault of aks-1 has them; give the vault/, { given: { ...pod, secrets: 'orders-db' } }),
  ...row(deploy, 'connection', 'private', 'WI1003', 'private', /give auto or direct or runCommand/),
  ...row(deploy, 'allowLocalAccounts', 'yes', 'WI1003', '"yes"', /give true or false/),
];

import { row, unseen, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const form = /env:VARIABLE, envFrom:SECRET, mount:VOLUME or imagePullSecret:SECRET, such as env:REGISTRY_PASSWORD/;
const imageForm = /an image with its tag or digest from the registry that is meant, which no node has yet/;
const image = 'contoso.azurecr.io/orders/api:1.4.2';
const secret = { given: { removeCredentials: 'imagePullSecret:acr' } };

/** What DeployWithIdentity takes for leaving registry credentials. */
export const credentialRows: readonly BadInput[] = [
  ...['REGISTRY_PASSWORD', 'env:', 'env:A=B', 'env:1PASSWORD', 'Env:PASSWORD', 'secret:acr', 'envFrom:Registry_Env', 'mount:docker.config', 'mount:Docker', 'imagePullSecret:ACR', 'imagePullSecrets:acr', 'env PASSWORD'].flatMap((line) => row(deploy, 'removeCredentials', line, 'WI1007', line, form)),
  ...row(deploy, 'removeCredentials', 'env:PASSWORD, mount:docker, env:PASSWORD', 'WI1061', '"env:PASSWORD"', /listed twice/),
  ...row(deploy, 'removeCredentials', '$(credentials)', 'WI1005', '$(credentials)', /link the variable group/),
  ...row(deploy, 'removeCredentials', '@credentials.txt', 'WI1006', '@credentials.txt', /relative to the sources/),
  ...row(deploy, 'removeCredentials', 'env:PASSWORD', 'WI1060', undefined, /identityMode is verify, so that nothing is changed in what is rendered/, { given: { identityMode: 'verify' } }),
  ...row(deploy, 'removeCredentials', 'env:PASSWORD', 'WI1060', undefined, /proveFrom is none, so that nothing would show that the pods can do without them/, { given: { proveFrom: 'none' } }),
  ...row(deploy, 'registryAuth', 'admin', 'WI1003', 'admin', /workload-identity/, { given: { removeCredentials: 'env:PASSWORD' } }),
  ...row(deploy, 'registryAuth', 'admin-user', 'WI1060', undefined, /removeCredentials names nothing, so that there is nothing to switch/),
  ...row(deploy, 'pullProofImage', '', 'WI1060', undefined, /removeCredentials names an imagePullSecret.*give an image with its tag or digest/, secret),
  ...row(deploy, 'pullProofImage', `contoso.azurecr.io/api${unseen.zeroWidthSpace}:1`, 'WI1063', 'api\\u{200B}:1', /type the value anew/, secret),
  ...row(deploy, 'pullProofImage', image, 'WI1060', undefined, /removeCredentials names no imagePullSecret, so that nothing would be pulled/, { given: { removeCredentials: 'env:PASSWORD' } }),
  ...['orders/api', 'Contoso.azurecr.io/api:1', 'contoso.azurecr.io/api@sha256:1'].flatMap((given) => row(deploy, 'pullProofImage', given, 'WI1007', given, imageForm, secret)),
];

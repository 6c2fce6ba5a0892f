import { row, unseen, type BadInput } from './table.js';

const deploy = 'DeployWithIdentity';
const isolated = { given: { networkPolicy: 'default-deny', egressAllowed: 'none' } };
const end = /an end is a name, name\.namespace, namespace\/name, label=value, \*, an address range, apiserver or internet/;
const ranges = /give address ranges such as 10\.1\.4\.5\/32/;
const off = /set networkPolicy to default-deny, or leave it empty/;

function flow(value: string, accepted: RegExp): BadInput[] {
  return row(deploy, 'allowedFlows', value, 'WI1007', value, new RegExp(`${accepted.source}.*${end.source}`), isolated);
}

function egress(value: string, accepted: RegExp): BadInput[] {
  return row(deploy, 'egressAllowed', value, 'WI1007', value, accepted, { given: { networkPolicy: 'default-deny' } });
}

/** What DeployWithIdentity has about the network. */
export const networkRows: readonly BadInput[] = [
  ...row(deploy, 'networkPolicy', 'deny', 'WI1003', 'deny', /give none or default-deny/),
  ...row(deploy, 'networkPolicy', '$(policy)', 'WI1005', '$(policy)', /link the variable group/),
  ...row(deploy, 'allowedFlows', 'api -> zep:8000', 'WI1060', undefined, off),
  ...row(deploy, 'egressAllowed', '10.1.4.5', 'WI1060', undefined, off),
  ...row(deploy, 'apiServerRanges', '10.1.0.4', 'WI1060', undefined, off),
  ...row(deploy, 'localDnsAddresses', '169.254.20.10', 'WI1060', undefined, off),

  ...flow('api zep:8000', /a flow has one ->/),
  ...flow('api -> zep -> web:1', /a flow has one ->/),
  ...flow('api -> zep', /it names no port; every port is :\*/),
  ...flow('-> zep:80', /its source : it is empty/),
  ...flow('api -> zep:http', /after the colon comes a port/),
  ...flow('api -> zep:0', /ports are from 1 to 65535/),
  ...flow('api -> zep:9-8', /the lower one first/),
  ...flow('api -> zep:80/ICMP', /ICMP is no protocol that policies know; they are TCP, UDP, SCTP/),
  ...flow('api -> login.microsoftonline.com:443', /host names belong into egressAllowed/),
  ...flow('api -> Other_NS/zep:80', /Other_NS is no name of a namespace/),
  ...flow('app=a b -> zep:80', /app=a b is no label=value/),
  ...flow('api -> 10.1.2.4/24:80', /the address has bits beyond its prefix of 24/),
  ...flow('api -> 0.0.0.0/0:443', /a range wider than \/8 is a large part of the Internet; where that is meant, the word is internet/),
  ...flow('api -> 10.1.2.400:80', /it is no IP address/),
  ...flow('api -> [fd00::1/129]:80', /its prefix is longer than 128/),
  ...flow('api -> internet:*', /name the port/),
  ...flow('10.0.0.0/8 -> internet:443', /neither end is pods/),
  ...row(deploy, 'allowedFlows', `api -> z${unseen.zeroWidthSpace}ep:80`, 'WI1007', 'z\\u{200B}ep', /it is no name/, isolated),
  ...row(deploy, 'allowedFlows', '@flows.txt', 'WI1006', '@flows.txt', /relative to the sources/, isolated),
  ...row(deploy, 'allowedFlows', '', 'WI1007', 'api to zep', /a flow has one ->/, { begins: 'Input allowedFlows, as the list sets it for aks-1, ', given: { networkPolicy: 'default-deny', egressAllowed: 'none', clusters: '[{"cluster": "rg/aks-1", "allowedFlows": ["api to zep"]}]' } }),

  ...egress('', /get no token from Entra.*give an address range such as 10\.1\.4\.5\/32, a host name such as login\.microsoftonline\.com, or internet:443/),
  ...egress('internet', /opened only with its port: internet:443/),
  ...egress('entra', /neither an address range nor a host name/),
  ...egress('10.1.4.5:70000', /a port is from 1 to 65535/),
  ...egress('0.0.0.0/0', /the word is internet/),
  ...egress('https://login.microsoftonline.com', /it is no IP address|neither an address range nor a host name/),

  ...row(deploy, 'apiServerRanges', 'aks.hcp.westeurope.azmk8s.io', 'WI1007', 'aks.hcp.westeurope.azmk8s.io', ranges, isolated),
  ...row(deploy, 'apiServerRanges', '', 'WI1060', undefined, /flow "api -> apiserver" names the API server.*private endpoint/, { given: { ...isolated.given, allowedFlows: 'api -> apiserver' } }),
  ...row(deploy, 'localDnsAddresses', 'localhost', 'WI1007', 'localhost', ranges, isolated),
];

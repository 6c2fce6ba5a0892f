import { refusal, unknownResource, type Refusal } from './refusals.js';

/** Application ids of resources that tokens can be had for, beside their addresses: the AKS server app. Source: AKS docs, kubelogin. */
const known = [
  'https://management.azure.com',
  'https://management.core.windows.net',
  'https://vault.azure.net',
  'https://containerregistry.azure.net',
  'https://graph.microsoft.com',
  'https://api.loganalytics.io',
  'https://monitor.azure.com',
  '6dae42f8-4368-4678-94ff-3960e28e3630',
];

/** The resources of the tenant that tokens are issued for. */
export class Resources {
  readonly #known = new Set(known);

  /** Makes a further resource known: an address or an application id. */
  add(resource: string): void {
    this.#known.add(normal(resource));
  }

  /**
   * The resource that a `scope` asks for, spelled as asked: it becomes the token's audience. `{resource}//.default` keeps one slash.
   * Source: Entra docs, client credentials flow; the codes for scopes of another form are unconfirmed.
   */
  ofScope(scope: string): string | Refusal {
    if (/\s/.test(scope.trim())) return refusal(70011, `The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`, 400, 'invalid_scope');
    const resource = /^(.+)\/\.default$/.exec(scope.trim())?.[1];
    if (resource === undefined) {
      const text = `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`;
      return refusal(1002012, text, 400, 'invalid_scope');
    }
    return this.find(resource);
  }

  /** The resource itself when it is known. */
  find(resource: string): string | Refusal {
    return this.#known.has(normal(resource)) ? resource : unknownResource(resource);
  }
}

function normal(resource: string): string {
  return resource.toLowerCase().replace(/\/$/, '');
}

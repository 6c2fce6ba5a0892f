/** A chart that is not on this machine. */
export interface ChartOrigin {
  /** `https://…` of a chart repository with the chart's name in it; or the chart's place in a registry, without tag and digest. */
  readonly place: { readonly repository: string; readonly name: string } | { readonly registry: string; readonly path: string };
  /** Exactly one; absent only where a registry's digest says which. */
  readonly version?: string;
  /** `sha256:…` of the package in a repository, of the manifest in a registry. */
  readonly digest?: string;
}

/** What the messages call it: `orders 1.2.0 of https://charts.contoso.com`, `oci://crorders.azurecr.io/charts/orders 1.2.0`. */
export function originTitle({ place, version, digest }: ChartOrigin): string {
  const which = version ?? digest ?? '';
  return 'registry' in place ? `oci://${place.registry}/${place.path} ${which}` : `${place.name} ${which} of ${place.repository}`;
}

/** What an object is told apart from its namesakes by. */
interface Placed {
  readonly name: string;
  readonly resourceGroup: string;
  readonly subscriptionId: string;
}

/**
 * The shortest name of each object that no other of them has: its own name, with its resource group, or with its subscription as well. In their order.
 */
export function labelsOf(all: readonly Placed[]): readonly string[] {
  const namesakes = new Map<string, Placed[]>();
  for (const one of all) {
    const others = namesakes.get(one.name.toLowerCase());
    if (others === undefined) namesakes.set(one.name.toLowerCase(), [one]);
    else others.push(one);
  }
  return all.map((one) => labelOf(one, namesakes.get(one.name.toLowerCase()) ?? []));
}

/** @param namesakes the objects of this name, itself included */
function labelOf({ name, resourceGroup, subscriptionId }: Placed, namesakes: readonly Placed[]): string {
  if (namesakes.length === 1) return name;
  const neighbours = namesakes.filter((other) => other.resourceGroup.toLowerCase() === resourceGroup.toLowerCase());
  return neighbours.length === 1 ? `${resourceGroup}/${name}` : `${subscriptionId}/${resourceGroup}/${name}`;
}

/** What can wait. */
interface Waiting {
  /** A stream, a key or a connection that must not crowd out others. */
  lane: string;
  /** The same object for all that one request waits for. */
  request: object;
}

/** A queue that serves its lanes in turn, and within a lane first come, first served. */
export class FairQueue<Item extends Waiting> {
  // A Map keeps the order of insertion: the lane that was served last goes to its end.
  #lanes = new Map<string, Item[]>();
  #first: Item[] = [];
  #requests = new Map<object, number>();
  #size = 0;

  /** Number of items that wait, those that were put first included. */
  get size(): number {
    return this.#size;
  }

  /** Number of requests that wait for at least one item. */
  get requests(): number {
    return this.#requests.size;
  }

  /** The items that are next in their lanes, in the order in which they are served; what was put first is one lane before all. */
  heads(): Item[] {
    return [this.#first, ...this.#lanes.values()].flatMap(([head]) => (head === undefined ? [] : [head]));
  }

  /** Puts an item at the end of its lane. */
  push(item: Item): void {
    const lane = this.#lanes.get(item.lane);
    if (lane === undefined) this.#lanes.set(item.lane, [item]);
    else lane.push(item);
    this.#count(item, 1);
  }

  /** Puts an item before all others. */
  pushFirst(item: Item): void {
    this.#first.push(item);
    this.#count(item, 1);
  }

  /** Takes the next item that `wanted` accepts, if there is one; a lane is passed over when its first item is not. */
  take(wanted: (item: Item) => boolean = () => true): Item | undefined {
    const first = this.#first[0];
    if (first !== undefined) {
      if (!wanted(first)) return undefined;
      this.#count(first, -1);
      return this.#first.shift();
    }
    for (const [name, lane] of this.#lanes) {
      const item = lane[0];
      if (item === undefined || !wanted(item)) continue;
      lane.shift();
      this.#lanes.delete(name);
      if (lane.length > 0) this.#lanes.set(name, lane);
      this.#count(item, -1);
      return item;
    }
    return undefined;
  }

  /** Removes an item that waits; false when it does not. */
  remove(item: Item): boolean {
    const lane = this.#lanes.get(item.lane) ?? [];
    for (const list of [this.#first, lane]) {
      const index = list.indexOf(item);
      if (index < 0) continue;
      list.splice(index, 1);
      if (list === lane && lane.length === 0) this.#lanes.delete(item.lane);
      this.#count(item, -1);
      return true;
    }
    return false;
  }

  #count({ request }: Item, change: 1 | -1): void {
    this.#size += change;
    const count = (this.#requests.get(request) ?? 0) + change;
    if (count === 0) this.#requests.delete(request);
    else this.#requests.set(request, count);
  }
}

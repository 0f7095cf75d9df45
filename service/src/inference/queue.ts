/** What can wait: something with a lane, which is a stream, a key or a connection that must not crowd out others. */
interface Waiting {
  lane: string;
}

/** A queue that serves its lanes in turn, and within a lane first come, first served. */
export class FairQueue<Item extends Waiting> {
  // A Map keeps the order of insertion: the lane that was served last goes to its end.
  #lanes = new Map<string, Item[]>();
  #first: Item[] = [];
  #size = 0;

  /** Number of items that wait, those that were put first included. */
  get size(): number {
    return this.#size;
  }

  /** Puts an item at the end of its lane. */
  push(item: Item): void {
    const lane = this.#lanes.get(item.lane);
    if (lane === undefined) this.#lanes.set(item.lane, [item]);
    else lane.push(item);
    this.#size++;
  }

  /** Puts an item before all others. */
  pushFirst(item: Item): void {
    this.#first.push(item);
    this.#size++;
  }

  /** Takes the next item that `wanted` accepts, if there is one; a lane is passed over when its first item is not. */
  take(wanted: (item: Item) => boolean = () => true): Item | undefined {
    const first = this.#first[0];
    if (first !== undefined) {
      if (!wanted(first)) return undefined;
      this.#size--;
      return this.#first.shift();
    }
    for (const [name, lane] of this.#lanes) {
      const item = lane[0];
      if (item === undefined || !wanted(item)) continue;
      lane.shift();
      this.#lanes.delete(name);
      if (lane.length > 0) this.#lanes.set(name, lane);
      this.#size--;
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
      this.#size--;
      return true;
    }
    return false;
  }
}

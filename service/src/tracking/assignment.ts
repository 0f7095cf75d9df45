/**
 * Pairs rows with columns so that the sum of the weights is the largest possible. A pair whose weight is not above 0 is
 * never made, so that rows and columns may stay alone. Equal sums are decided by position: the same input, the same pairs.
 *
 * Shortest augmenting paths, as in R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse
 * linear assignment problems", Computing 38, 1987 (https://doi.org/10.1007/BF02278710). Time: rows^2 x columns.
 * @param weights row after row, `rows x columns` numbers
 * @returns for each row its column, or -1
 */
export function assign(weights: Float64Array, rows: number, columns: number): Int32Array {
  if (weights.length !== rows * columns) {
    throw new RangeError(`Expected ${rows} x ${columns} weights but received ${weights.length}.`);
  }
  if (rows > columns) return invert(assign(transpose(weights, rows, columns), columns, rows), rows);
  const rowOf = matchAllRows(weights, rows, columns);
  const columnOf = new Int32Array(rows).fill(-1);
  for (let column = 0; column < columns; column++) {
    const row = rowOf[column] ?? -1;
    // A row had to take some column; one that was not allowed counts as none, and it cost nothing.
    if (row >= 0 && (weights[row * columns + column] ?? 0) > 0) columnOf[row] = column;
  }
  return columnOf;
}

/** Gives every row a column, for the largest sum of the positive weights; needs at least as many columns as rows. */
function matchAllRows(weights: Float64Array, rows: number, columns: number): Int32Array {
  const rowOf = new Int32Array(columns).fill(-1);
  const rowPrice = new Float64Array(rows);
  const columnPrice = new Float64Array(columns);
  const distance = new Float64Array(columns);
  const previous = new Int32Array(columns);
  const done = new Uint8Array(columns);
  for (let start = 0; start < rows; start++) {
    distance.fill(Number.POSITIVE_INFINITY);
    previous.fill(-1);
    done.fill(0);
    let row = start;
    let reached = -1;
    let length = 0;
    // Dijkstra's algorithm from the new row to the nearest column that is free.
    while (true) {
      let nearest = -1;
      let least = Number.POSITIVE_INFINITY;
      const offset = row * columns;
      const base = length - (rowPrice[row] as number);
      // The innermost loop of the tracker: indices are within bounds by how the arrays are made.
      for (let column = 0; column < columns; column++) {
        if (done[column] !== 0) continue;
        const weight = weights[offset + column] as number;
        const through = base - Math.max(0, weight) - (columnPrice[column] as number);
        let far = distance[column] as number;
        if (through < far) {
          far = through;
          distance[column] = through;
          previous[column] = reached;
        }
        if (nearest < 0 || far < least) {
          nearest = column;
          least = far;
        }
      }
      length = least;
      done[nearest] = 1;
      reached = nearest;
      const owner = rowOf[nearest] as number;
      if (owner < 0) break;
      row = owner;
    }
    for (let column = 0; column < columns; column++) {
      if (!done[column]) continue;
      const change = length - (distance[column] ?? 0);
      columnPrice[column] = (columnPrice[column] ?? 0) - change;
      const owner = rowOf[column] ?? -1;
      if (owner >= 0) rowPrice[owner] = (rowPrice[owner] ?? 0) + change;
    }
    rowPrice[start] = (rowPrice[start] ?? 0) + length;
    // Along the path each row takes the column after its own.
    while (reached >= 0) {
      const before = previous[reached] ?? -1;
      rowOf[reached] = before < 0 ? start : (rowOf[before] ?? -1);
      reached = before;
    }
  }
  return rowOf;
}

function transpose(weights: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: weights.length },
    (_, i) => weights[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
}

function invert(columnOf: Int32Array, columns: number): Int32Array {
  const rowOf = new Int32Array(columns).fill(-1);
  columnOf.forEach((column, row) => {
    if (column >= 0) rowOf[column] = row;
  });
  return rowOf;
}

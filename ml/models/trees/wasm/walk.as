// Takes rows through a tree, four at a time: what one waits for is found while the others are moved.
//
// AssemblyScript; `ml/models/wasm/build.js` compiles it into `walk.generated.ts`. The twin in plain
// TypeScript is `walk-plain.ts`; what the function does is told in `walk-arithmetic.ts`.

@inline function after(nodes: usize, row: usize, node: i32): i32 {
  const place = nodes + (<usize>node << 4)
  const word = load<i32>(place, 8)
  const value = load<f64>(row + <usize>(word & ~7))
  const goesRight = i32(value > load<f64>(place)) | (i32(value != value) & word)
  // Without a branch, which would be foretold wrongly half of the time.
  return select<i32>(load<i32>(place, 12), node + 1, goesRight & 1)
}

export function walk(nodes: usize, rows: usize, count: i32, cols: i32, out: usize): void {
  const size = <usize>cols << 3
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const second = rows + size, third = second + size, fourth = third + size
    let a = 0, b = 0, c = 0, d = 0, moved = 0
    do {
      const e = after(nodes, rows, a), f = after(nodes, second, b)
      const g = after(nodes, third, c), h = after(nodes, fourth, d)
      moved = (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h)
      a = e
      b = f
      c = g
      d = h
    } while (moved)
    store<i32>(out, a)
    store<i32>(out, b, 4)
    store<i32>(out, c, 8)
    store<i32>(out, d, 12)
    out += 16
    rows = fourth + size
  }
  for (; i < count; i++, rows += size, out += 4) {
    let a = 0, moved = 0
    do {
      const e = after(nodes, rows, a)
      moved = a ^ e
      a = e
    } while (moved)
    store<i32>(out, a)
  }
}

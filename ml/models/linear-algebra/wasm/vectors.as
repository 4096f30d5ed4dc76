// The inner loops of linear algebra over vectors, two doubles at a time.
//
// AssemblyScript; `build.js` compiles it into `vectors.generated.ts`. Every function works on places in
// the one linear memory, given in bytes, and is the twin of the function of its name in
// `vectors-plain.ts`: the same operations on each number in the same order, so that both give the same
// bits. What the functions do is told in `vector-arithmetic.ts`.
//
// Four vectors are taken at once where there are so many: then the first one is loaded once for four,
// and their sums are far enough apart for a processor to start one before the last is done.

@inline function across(sums: v128): f64 {
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

export function dot(a: usize, b: usize, length: i32): f64 {
  let s = f64x2.splat(0), t = f64x2.splat(0), u = f64x2.splat(0), v = f64x2.splat(0)
  for (const end = a + (<usize>length << 3); a < end; a += 64, b += 64) {
    s = f64x2.add(s, f64x2.mul(v128.load(a), v128.load(b)))
    t = f64x2.add(t, f64x2.mul(v128.load(a, 16), v128.load(b, 16)))
    u = f64x2.add(u, f64x2.mul(v128.load(a, 32), v128.load(b, 32)))
    v = f64x2.add(v, f64x2.mul(v128.load(a, 48), v128.load(b, 48)))
  }
  return across(f64x2.add(f64x2.add(s, t), f64x2.add(u, v)))
}

// Adds the products of a with `count` vectors to as many numbers.
export function products(
  a: usize, first: usize, stride: usize, count: i32, length: i32, out: usize,
): void {
  const end = a + (<usize>length << 3)
  let k = 0
  for (; k + 4 <= count; k += 4) {
    let b = first, c = b + stride, d = c + stride, e = d + stride
    let s = f64x2.splat(0), t = f64x2.splat(0), u = f64x2.splat(0), v = f64x2.splat(0)
    for (let at = a; at < end; at += 32) {
      let x = v128.load(at)
      s = f64x2.add(s, f64x2.mul(x, v128.load(b)))
      t = f64x2.add(t, f64x2.mul(x, v128.load(c)))
      u = f64x2.add(u, f64x2.mul(x, v128.load(d)))
      v = f64x2.add(v, f64x2.mul(x, v128.load(e)))
      x = v128.load(at, 16)
      s = f64x2.add(s, f64x2.mul(x, v128.load(b, 16)))
      t = f64x2.add(t, f64x2.mul(x, v128.load(c, 16)))
      u = f64x2.add(u, f64x2.mul(x, v128.load(d, 16)))
      v = f64x2.add(v, f64x2.mul(x, v128.load(e, 16)))
      b += 32; c += 32; d += 32; e += 32
    }
    add(out, s)
    add(out + 8, t)
    add(out + 16, u)
    add(out + 24, v)
    first += stride << 2
    out += 32
  }
  for (; k < count; k++, first += stride, out += 8) {
    let s = f64x2.splat(0)
    for (let at = a, b = first; at < end; at += 16, b += 16) {
      s = f64x2.add(s, f64x2.mul(v128.load(at), v128.load(b)))
    }
    add(out, s)
  }
}

@inline function add(place: usize, sums: v128): void {
  store<f64>(place, load<f64>(place) + across(sums))
}

export function gram(
  vectors: usize, stride: usize, from: i32, to: i32, count: i32, length: i32, out: usize,
): void {
  const width = <usize>count << 3
  let j = from
  for (; j + 2 <= to; j += 2) {
    const first = vectors + <usize>j * stride
    const end = first + (<usize>length << 3)
    let place = out + <usize>j * width + (<usize>j << 3)
    let k = j
    for (; k + 4 <= count; k += 4, place += 32) {
      let c = vectors + <usize>k * stride, d = c + stride, e = d + stride, f = e + stride
      let p = f64x2.splat(0), q = f64x2.splat(0), r = f64x2.splat(0), s = f64x2.splat(0)
      let t = f64x2.splat(0), u = f64x2.splat(0), v = f64x2.splat(0), w = f64x2.splat(0)
      for (let a = first, b = first + stride; a < end; a += 16, b += 16) {
        const x = v128.load(a), y = v128.load(b)
        let z = v128.load(c)
        p = f64x2.add(p, f64x2.mul(x, z))
        t = f64x2.add(t, f64x2.mul(y, z))
        z = v128.load(d)
        q = f64x2.add(q, f64x2.mul(x, z))
        u = f64x2.add(u, f64x2.mul(y, z))
        z = v128.load(e)
        r = f64x2.add(r, f64x2.mul(x, z))
        v = f64x2.add(v, f64x2.mul(y, z))
        z = v128.load(f)
        s = f64x2.add(s, f64x2.mul(x, z))
        w = f64x2.add(w, f64x2.mul(y, z))
        c += 16; d += 16; e += 16; f += 16
      }
      add(place, p)
      add(place + 8, q)
      add(place + 16, r)
      add(place + 24, s)
      add(place + width, t)
      add(place + width + 8, u)
      add(place + width + 16, v)
      add(place + width + 24, w)
    }
    if (k < count) {
      const rest = vectors + <usize>k * stride
      products(first, rest, stride, count - k, length, place)
      products(first + stride, rest, stride, count - k, length, place + width)
    }
  }
  if (j < to) {
    const last = vectors + <usize>j * stride
    products(last, last, stride, count - j, length, out + <usize>j * width + (<usize>j << 3))
  }
}

// What is to be taken of the reflection's vector; the part of a vector that is apart is changed.
@inline function share(head: f64, place: usize, factor: f64, product: v128): v128 {
  const own = load<f64>(place)
  const taken = factor * (head * own + across(product))
  store<f64>(place, own - taken * head)
  return f64x2.splat(taken)
}

export function reflect(
  v: usize, head: f64, heads: usize, first: usize, stride: usize, count: i32, length: i32, factor: f64,
): void {
  const end = v + (<usize>length << 3)
  let k = 0
  for (; k + 4 <= count; k += 4) {
    let b = first, c = b + stride, d = c + stride, e = d + stride
    let p = f64x2.splat(0), q = f64x2.splat(0), r = f64x2.splat(0), s = f64x2.splat(0)
    for (let at = v; at < end; at += 32) {
      let x = v128.load(at)
      p = f64x2.add(p, f64x2.mul(x, v128.load(b)))
      q = f64x2.add(q, f64x2.mul(x, v128.load(c)))
      r = f64x2.add(r, f64x2.mul(x, v128.load(d)))
      s = f64x2.add(s, f64x2.mul(x, v128.load(e)))
      x = v128.load(at, 16)
      p = f64x2.add(p, f64x2.mul(x, v128.load(b, 16)))
      q = f64x2.add(q, f64x2.mul(x, v128.load(c, 16)))
      r = f64x2.add(r, f64x2.mul(x, v128.load(d, 16)))
      s = f64x2.add(s, f64x2.mul(x, v128.load(e, 16)))
      b += 32; c += 32; d += 32; e += 32
    }
    p = share(head, heads, factor, p)
    q = share(head, heads + 8, factor, q)
    r = share(head, heads + 16, factor, r)
    s = share(head, heads + 24, factor, s)
    b = first; c = b + stride; d = c + stride; e = d + stride
    for (let at = v; at < end; at += 16) {
      const x = v128.load(at)
      v128.store(b, f64x2.sub(v128.load(b), f64x2.mul(p, x)))
      v128.store(c, f64x2.sub(v128.load(c), f64x2.mul(q, x)))
      v128.store(d, f64x2.sub(v128.load(d), f64x2.mul(r, x)))
      v128.store(e, f64x2.sub(v128.load(e), f64x2.mul(s, x)))
      b += 16; c += 16; d += 16; e += 16
    }
    first += stride << 2
    heads += 32
  }
  for (; k < count; k++, first += stride, heads += 8) {
    let p = f64x2.splat(0)
    for (let at = v, b = first; at < end; at += 16, b += 16) {
      p = f64x2.add(p, f64x2.mul(v128.load(at), v128.load(b)))
    }
    p = share(head, heads, factor, p)
    for (let at = v, b = first; at < end; at += 16, b += 16) {
      v128.store(b, f64x2.sub(v128.load(b), f64x2.mul(p, v128.load(at))))
    }
  }
}

function rotate(a: usize, b: usize, length: i32, cosine: f64, sine: f64): void {
  const c = f64x2.splat(cosine), s = f64x2.splat(sine)
  for (const end = a + (<usize>length << 3); a < end; a += 32, b += 32) {
    const x = v128.load(a), y = v128.load(b), z = v128.load(a, 16), w = v128.load(b, 16)
    v128.store(a, f64x2.sub(f64x2.mul(c, x), f64x2.mul(s, y)))
    v128.store(b, f64x2.add(f64x2.mul(s, x), f64x2.mul(c, y)))
    v128.store(a, f64x2.sub(f64x2.mul(c, z), f64x2.mul(s, w)), 16)
    v128.store(b, f64x2.add(f64x2.mul(s, z), f64x2.mul(c, w)), 16)
  }
}

// The square of a vector's length after a turn; where most of it went, anew.
@inline function squareAfter(vector: usize, length: i32, before: f64, after: f64): f64 {
  return after > 0.5 * before ? after : dot(vector, vector, length)
}

export function turn(
  vectors: usize, stride: usize, p: i32, from: i32, to: i32, length: i32, squares: usize, least: f64,
): i32 {
  const a = vectors + <usize>p * stride
  let turns = 0
  let pp = load<f64>(squares + (<usize>p << 3))
  for (let q = from; q < to; q++) {
    const b = vectors + <usize>q * stride
    const place = squares + (<usize>q << 3)
    const qq = load<f64>(place)
    const pq = dot(a, b, length)
    if (!(abs(pq) > least * sqrt(pp) * sqrt(qq))) continue
    turns++
    const zeta = (qq - pp) / (2 * pq)
    const size = abs(zeta)
    const tangent: f64 =
      size > 1e150 ? 0.5 / zeta : (zeta < 0 ? -1.0 : 1.0) / (size + sqrt(1 + zeta * zeta))
    const cosine = 1 / sqrt(1 + tangent * tangent)
    rotate(a, b, length, cosine, cosine * tangent)
    const moved = tangent * pq
    pp = squareAfter(a, length, pp, pp - moved)
    store<f64>(place, squareAfter(b, length, qq, qq + moved))
  }
  store<f64>(squares + (<usize>p << 3), pp)
  return turns
}

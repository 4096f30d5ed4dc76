/** Pairs of k classes, in the order (0,1), (0,2) … (0,k-1), (1,2) …: libsvm's. */
export function pairCount(classCount: number): number {
  return (classCount * (classCount - 1)) / 2
}

/**
 * The class with the most votes; of equals the smallest. A decision above 0 is a vote for the
 * first class of its pair, anything else for the second: libsvm's rule.
 */
export function mostVotes(decisions: Float64Array, votes: Int32Array): number {
  const classCount = votes.length
  votes.fill(0)
  for (let first = 0, pair = 0; first < classCount; first++) {
    for (let second = first + 1; second < classCount; second++, pair++) {
      votes[decisions[pair]! > 0 ? first : second]!++
    }
  }
  let winner = 0
  for (let c = 1; c < classCount; c++) if (votes[c]! > votes[winner]!) winner = c
  return winner
}

/**
 * One value a class out of the decisions of all pairs, as scikit-learn makes it: the votes, plus
 * the sum s of a class's decisions squeezed into (-1/3, 1/3) by s / (3 (|s| + 1)), which orders
 * classes of equal votes. Here a decision below 0 is a vote for the second class of its pair.
 */
export function oneVsRest(decisions: Float64Array, classCount: number, out: Float64Array): void {
  out.fill(0)
  for (let first = 0, pair = 0; first < classCount; first++) {
    for (let second = first + 1; second < classCount; second++, pair++) {
      out[first]! += decisions[pair]!
      out[second]! -= decisions[pair]!
    }
  }
  for (let c = 0; c < classCount; c++) out[c] = out[c]! / (3 * (Math.abs(out[c]!) + 1))
  for (let first = 0, pair = 0; first < classCount; first++) {
    for (let second = first + 1; second < classCount; second++, pair++) {
      out[decisions[pair]! < 0 ? second : first]! += 1
    }
  }
}

// The barcode of a few points in the plane, their features and entropy: what core/topology computes, for where a
// person moves them and can't wait for the server. The tests hold the two against each other.

// The minimum spanning tree by Prim's algorithm: [{ length, i, j }], longest first.
function spanningTree(points) {
  const reached = points.map(() => false), near = points.map(() => Infinity), from = points.map(() => -1);
  const tree = [];
  for (let step = 0, at = 0; step < points.length; step += 1) {
    reached[at] = true;
    if (step) tree.push({ length: near[at], i: from[at], j: at });
    let next = -1;
    for (let k = 0; k < points.length; k += 1) {
      if (reached[k]) continue;
      const length = Math.hypot(points[k][0] - points[at][0], points[k][1] - points[at][1]);
      if (length < near[k]) { near[k] = length; from[k] = at; }
      if (next < 0 || near[k] < near[next]) next = k;
    }
    at = next;
  }
  return tree.sort((a, b) => b.length - a.length);
}

// Persistent entropy of bars, in nats.
function barEntropy(lengths) {
  const unit = Math.max(0, ...lengths), shares = lengths.map((length) => length / unit).filter((share) => share > 0);
  if (!shares.length) return 0;
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Math.log(total) - shares.reduce((sum, share) => sum + share * Math.log(share), 0) / total;
}

// How many of the bars, longest first, are features: core/topology/features.py, line by line.
function featureCount(lengths) {
  const bars = lengths.map((length) => length / lengths[0]).filter((share) => share > 0);
  const n = bars.length;
  if (n < 4 || bars[n - 1] >= 1 - 64 * Number.EPSILON) return n;
  const a = bars[n - 1], h = a - 1;
  const shrink = h > -1e-3 ? 0.5 - h / 3 + h * h / 4 - h * h * h / 5 : (h - Math.log(a)) / (h * h);
  const sums = [0], logs = [0];
  for (let j = 1; j < n - 1; j += 1) {
    sums.push(sums[j - 1] + bars[j]);
    logs.push(logs[j - 1] + bars[j] * Math.log(bars[j]));
  }
  for (let k = n - 2; ;) {
    let previous = sums[k] + a + 1, i = 1;
    for (; ; i += 1) {
      const tail = sums[k] - sums[i] + a + 1; // P_i
      const replaced = tail + i * Math.exp((logs[k] - logs[i] + a * Math.log(a)) / tail); // S_i
      if (previous < replaced * (1 - 1e-12) || i === k - 1) break; // C_i = S_{i-1} / S_i < 1
      previous = replaced;
    }
    if (Math.ceil(a * (k + 2) * shrink) >= i) return i + 1; // Q
    k = i;
  }
}

// The bars of dimension 1 of the Vietoris-Rips complex, [[birth, death]], longest first, by persistent cohomology with
// clearing (U. Bauer, Ripser, 2021). A triangle's place in the filtration is that of its longest edge, then its other corner.
function loopBars(points) {
  const n = points.length;
  const apart = points.map((p) => points.map((q) => Math.hypot(p[0] - q[0], p[1] - q[1])));
  const radius = Math.min(...apart.map((row) => Math.max(...row))); // beyond it one point is joined to all others
  const edges = [];
  for (let i = 0; i < n; i += 1) for (let j = i + 1; j < n; j += 1) if (apart[i][j] <= radius) edges.push([i, j]);
  edges.sort(([a, b], [c, d]) => apart[a][b] - apart[c][d]);
  const place = apart.map((row) => row.map(() => Infinity));
  edges.forEach(([i, j], k) => { place[i][j] = place[j][i] = k; });

  function triangles(edge, then) {
    const [i, j] = edges[edge];
    for (let v = 0; v < n; v += 1) {
      if (v === i || v === j) continue;
      const left = place[i][v], right = place[j][v], last = Math.max(edge, left, right);
      if (last < Infinity) then(last * n + (last === edge ? v : last === left ? j : i));
    }
  }
  const root = points.map((_, k) => k);
  const top = (k) => { while (root[k] !== k) k = root[k] = root[root[k]]; return k; };
  const joins = edges.map(([i, j]) => { const a = top(i), b = top(j); root[a] = b; return a !== b; });

  const pairs = new Map(), found = []; // by its first triangle the edges whose triangles make up a reduced column
  for (let edge = edges.length - 1; edge >= 0; edge -= 1) {
    if (joins[edge]) continue;
    let first = Infinity;
    triangles(edge, (triangle) => { first = Math.min(first, triangle); });
    let column = [edge];
    if (pairs.has(first)) {
      const odd = new Set(), parts = new Set();
      const flip = (set, one) => { if (!set.delete(one)) set.add(one); };
      for (let added = column; ;) {
        for (const part of added) { flip(parts, part); triangles(part, (triangle) => flip(odd, triangle)); }
        first = Infinity;
        for (const triangle of odd) first = Math.min(first, triangle);
        if (!pairs.has(first)) break;
        added = pairs.get(first);
      }
      column = [...parts];
    }
    if (first === Infinity) continue;
    pairs.set(first, column);
    const [birth, death] = [edge, Math.floor(first / n)].map((k) => apart[edges[k][0]][edges[k][1]]);
    if (death > birth) found.push([birth, death]);
  }
  return found.sort((a, b) => b[1] - b[0] - (a[1] - a[0]));
}

// Converts drawings between stroke-3 rows [dx, dy, pen lifted] and lines of points [x, y].

/** Converts stroke-3 rows to lines; the drawing starts at `origin` with the pen down. */
export function toLines(sketch, origin = [0, 0]) {
  let [x, y] = origin;
  let line = [[x, y]];
  const lines = [];
  for (const [dx, dy, lifted] of sketch) {
    x += dx;
    y += dy;
    line.push([x, y]);
    if (lifted) {
      lines.push(line);
      line = [];
    }
  }
  return line.length && sketch.length ? [...lines, line] : lines;
}

/** Converts lines to stroke-3 rows. The first point has no row, unless the first line is a dot. */
export function fromLines(lines) {
  const filled = lines.filter((line) => line.length);
  if (!filled.length) return [];
  const [first, ...others] = filled;
  const rows = [];
  let [x, y] = first[0];
  for (const line of [first.length > 1 ? first.slice(1) : first, ...others]) {
    line.forEach((point, i) => {
      rows.push([point[0] - x, point[1] - y, i === line.length - 1 ? 1 : 0]);
      [x, y] = point;
    });
  }
  return rows;
}

/** Drops points within epsilon of the simplified line (Ramer 1972; Douglas & Peucker 1973). */
export function simplify(line, epsilon) {
  if (line.length < 3) return line;
  const kept = new Set([0, line.length - 1]);
  const spans = [[0, line.length - 1]];
  while (spans.length) {
    const [begin, end] = spans.pop();
    let most = epsilon, farthest = -1;
    for (let i = begin + 1; i < end; i++) {
      const distance = distanceToSegment(line[i], line[begin], line[end]);
      if (distance > most) [most, farthest] = [distance, i];
    }
    if (farthest < 0) continue;
    kept.add(farthest);
    spans.push([begin, farthest], [farthest, end]);
  }
  return line.filter((_, i) => kept.has(i));
}

function distanceToSegment([x, y], [ax, ay], [bx, by]) {
  const dx = bx - ax, dy = by - ay;
  const length2 = dx * dx + dy * dy;
  const along = length2 ? ((x - ax) * dx + (y - ay) * dy) / length2 : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** Returns the box around all points, {x, y, width, height}; null if there are none. */
export function boundsOf(lines) {
  const points = lines.flat();
  if (!points.length) return null;
  let [left, top] = points[0], [right, bottom] = points[0];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return {x: left, y: top, width: right - left, height: bottom - top};
}

/** Moves lines so that the center of their box is at (x, y), and scales them around it. */
export function centered(lines, x, y, scale = 1) {
  const box = boundsOf(lines);
  if (!box) return lines;
  const middle = [box.x + box.width / 2, box.y + box.height / 2];
  return lines.map((line) => line.map((point) =>
    [x + (point[0] - middle[0]) * scale, y + (point[1] - middle[1]) * scale]));
}

/** Returns the smallest square around a box; the margin is a share of the box's longer side. */
export function squareAround(box, margin) {
  const side = Math.max(box.width, box.height, 1) * (1 + 2 * margin);
  return {
    x: box.x + (box.width - side) / 2, y: box.y + (box.height - side) / 2, width: side, height: side,
  };
}

/** Returns a line as SVG path data. */
export function pathData(line) {
  const points = line.length > 1 ? line : [...line, ...line]; // a dot is a line without length
  return 'M' + points.map(([x, y]) => `${rounded(x)} ${rounded(y)}`).join('L');
}

export function rounded(value) {
  return Math.round(value * 100) / 100;
}

import type { OutlineTask, PlanOutline } from '../shared/api';

export interface TaskBox {
  task: OutlineTask;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  from: string;
  to: string;
  /** An SVG path. */
  path: string;
}

export interface Picture {
  boxes: TaskBox[];
  edges: Edge[];
  width: number;
  height: number;
}

export const BOX_HEIGHT = 62;
const GAP_X = 12;
const GAP_Y = 30;
const BOX_MAX = 232;
const BOX_MIN = 132;

/** Places tasks in rows: each below all that it needs. A cycle, which the plan's check reports, is cut where it closes. */
export function layoutOutline(outline: PlanOutline, width: number): Picture {
  const byName = new Map(outline.tasks.map((task) => [task.name, task]));
  const depths = new Map<string, number>();
  const depthOf = (name: string, above: ReadonlySet<string>): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const task = byName.get(name);
    if (task === undefined || above.has(name)) return -1;
    const path = new Set(above).add(name);
    const depth = 1 + Math.max(-1, ...task.needs.map((need) => depthOf(need, path)));
    depths.set(name, depth);
    return depth;
  };
  const levels: OutlineTask[][] = [];
  for (const task of outline.tasks) (levels[depthOf(task.name, new Set())] ??= []).push(task);

  const perRow = Math.max(1, Math.floor((width + GAP_X) / (BOX_MIN + GAP_X)));
  const boxes: TaskBox[] = [];
  let y = 0;
  for (const level of levels.filter((tasks) => tasks !== undefined)) {
    for (let from = 0; from < level.length; from += perRow) {
      const row = level.slice(from, from + perRow);
      const boxWidth = Math.min(BOX_MAX, Math.floor((width - GAP_X * (row.length - 1)) / row.length));
      row.forEach((task, i) => boxes.push({ task, x: i * (boxWidth + GAP_X), y, width: boxWidth, height: BOX_HEIGHT }));
      y += BOX_HEIGHT + (from + perRow < level.length ? GAP_X : GAP_Y);
    }
  }
  const placed = new Map(boxes.map((box) => [box.task.name, box]));
  const edges: Edge[] = [];
  for (const box of boxes) {
    for (const need of box.task.needs) {
      const above = placed.get(need);
      if (above === undefined || above.y >= box.y) continue;
      edges.push({ from: need, to: box.task.name, path: curve(above, box) });
    }
  }
  return { boxes, edges, width, height: Math.max(0, y - GAP_Y) };
}

function curve(above: TaskBox, below: TaskBox): string {
  const x1 = above.x + Math.min(28, above.width / 2);
  const x2 = below.x + Math.min(28, below.width / 2);
  const y1 = above.y + above.height;
  const y2 = below.y;
  const middle = (y1 + y2) / 2;
  return x1 === x2 ? `M${x1} ${y1}V${y2}` : `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}

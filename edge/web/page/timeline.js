// The last minutes: probabilities stacked over time with events marked, and the sound below, on one axis.

import { find, percent, say } from "./dom.js";

const LONGEST_S = 600;
const QUIET_DBFS = -80;
const MARKED = ["emotion.start", "emotion.change"];
let names = [];
let colours = {};
let rows = [];
let marks = [];
let interval = 0.5;
let plots = [];
let threshold = 0.5;
let summarised = 0;
const width = find("window");

export const take = {
  hello(hello) {
    ({ interval_s: interval, emotions: names, colours } = hello);
    rows = [];
    hello.rows.forEach(add);
    marks = hello.events.filter((event) => MARKED.includes(event.type));
    build();
  },
  row(row) {
    add(row);
    if (!document.hidden) draw();
  },
  event(event) {
    if (MARKED.includes(event.type)) marks = [...marks.slice(-49), event];
  },
  settings({ thresholds }) {
    threshold = thresholds.speech.voice_threshold;
    find("meter-quiet").style.left = `${share(thresholds.speech.quiet_dbfs) * 100}%`;
  },
  sound({ level_dbfs: level, voice }) {
    const meter = find("meter");
    find("meter-fill").style.width = level === null ? "0" : `${share(level) * 100}%`;
    meter.setAttribute("aria-valuenow", String(level === null ? QUIET_DBFS : Math.round(level)));
    meter.setAttribute("aria-valuetext", level === null ? "no sound" : `${Math.round(level)} dBFS`);
    say(find("level"), level === null ? "nothing is listened to" : level < QUIET_DBFS ? "silence" : `${Math.round(level)} dBFS; below the mark it counts as silence`);
    const speaks = voice !== null && voice >= threshold;
    say(find("voice"), voice === null ? "off" : speaks ? "● voice" : "no voice");
    find("voice").classList.toggle("on", speaks);
  },
};

function add(row) {
  if (rows.length && row[0] <= rows.at(-1)[0]) rows = [];  // the device's clock was set back
  rows.push(row);
  while (rows[0][0] < row[0] - LONGEST_S) rows.shift();
}

const share = (level) => Math.min(1, Math.max(0, 1 - level / QUIET_DBFS));
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function build() {
  plots.forEach((plot) => plot.destroy());
  // The tallest sum first: each lower one is painted over it.
  const stacked = names.map((name, number) => ({ label: name, fill: colours[name], width: 0, points: { show: false }, number })).reverse();
  plots = [
    plot("timeline", 200, stacked, { range: [0, 1] }, (u, ticks) => ticks.map(percent), [mark]),
    plot("sound", 110, [
      { label: "voice", scale: "voice", fill: style("--voice"), width: 0, points: { show: false } },
      { label: "level", stroke: style("--text"), width: 1.25, points: { show: false } },
    ], { range: [QUIET_DBFS, 0] }, (u, ticks) => ticks.map((tick) => `${tick}`), []),
  ];
  draw();
}

function plot(id, height, series, y, values, drawn) {
  const axis = { stroke: style("--faint"), grid: { stroke: style("--line"), width: 1 }, ticks: { stroke: style("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  const box = find(id);
  return new uPlot({
    width: box.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    series: [{}, ...series],
    scales: { x: { time: true, range: span }, y, voice: { range: [0, 1] } },
    axes: [{ ...axis, size: 28, space: 60, incrs: [10, 20, 60, 120, 300], values: (u, ticks) => ticks.map(clock) }, { ...axis, size: 56, space: 30, values }],
    hooks: { draw: drawn },
  }, [[]], box);
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: seconds % 60 ? "2-digit" : undefined, hour12: false });

function span() {
  const end = rows.length ? rows.at(-1)[0] : Date.now() / 1000;
  const known = rows.length ? end - rows[0][0] : 0;
  return [end - Math.min(Number(width.value), Math.max(60, known)), end];
}

function draw() {
  if (!plots.length || !rows.length) return;
  const [begin] = span();
  const shown = [];
  for (const row of rows) {
    if (row[0] < begin - interval) continue;
    // A hole, where no row was made, must not be drawn over.
    if (shown.length && row[0] - shown.at(-1)[0] > 3 * interval) shown.push([shown.at(-1)[0] + interval, null, null, null]);
    shown.push(row);
  }
  const times = shown.map((row) => row[0]);
  const sums = shown.map(([, probabilities]) => {
    let sum = 0;
    return probabilities?.map((share) => (sum += share));
  });
  plots[0].setData([times, ...names.map((_, number) => sums.map((sum) => sum?.[names.length - 1 - number] ?? null))]);
  plots[1].setData([times, shown.map((row) => row[3]), shown.map((row) => (row[2] === null ? null : Math.max(QUIET_DBFS, row[2])))]);
  if (Date.now() - summarised > 5000) summarise(shown);
}

// What the plot shows, for who cannot see it.
function summarise(shown) {
  summarised = Date.now();
  const there = shown.filter((row) => row[1]);
  const means = names.map((name, number) => [name, there.reduce((sum, row) => sum + row[1][number], 0) / there.length]);
  const most = means.sort((one, other) => other[1] - one[1]).slice(0, 3).map(([name, mean]) => `${name} ${percent(mean)}`);
  const seconds = Math.round(shown.length * interval);
  const time = seconds < 100 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`;
  say(find("summary"), there.length ? `Of the last ${time} somebody was there for ${percent(there.length / shown.length)}; on average ${most.join(", ")}. Dots mark where an emotion began.` : `Nobody was there in the last ${time}.`);
}

function mark(u) {
  const [begin, end] = span();
  u.ctx.save();
  for (const event of marks) {
    const time = Date.parse(event.time) / 1000;
    if (time < begin || time > end) continue;
    const x = u.valToPos(time, "x", true);
    u.ctx.fillStyle = style("--text");
    u.ctx.fillRect(x - 0.5, u.bbox.top, 1, u.bbox.height);
    u.ctx.beginPath();
    u.ctx.arc(x, u.bbox.top, 4 * devicePixelRatio, 0, 2 * Math.PI);
    u.ctx.fillStyle = colours[event.emotion];
    u.ctx.fill();
    u.ctx.strokeStyle = style("--text");
    u.ctx.stroke();
  }
  u.ctx.restore();
}

width.onchange = () => { summarised = 0; draw(); };
new ResizeObserver(() => plots.forEach((plot) => {
  const wanted = plot.root.parentElement.clientWidth;
  if (wanted && wanted !== plot.width) plot.setSize({ width: wanted, height: plot.height });
})).observe(find("minutes"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);

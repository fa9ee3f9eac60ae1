// The service's own numbers; devices and hub as soon as they change, the rest as often as the service reports.

import { facts, find } from "./dom.js";

const MARKS = { ok: "● ", down: "✕ ", muted: "○ ", off: "○ ", ended: "○ ", starting: "… " };
let report = null;
let settings = null;

export const take = {
  health(value) { report = value; draw(); },
  settings(value) { settings = value; draw(); },
};

function draw() {
  if (!report || !settings) return;
  const { mqtt } = report;
  const hub = settings.hub
    ? [`● connected (MQTT ${mqtt.protocol ?? "…"})`, "good"]
    : ["✕ away; events wait", "bad"];
  const held = { cpu: " (too little CPU for more)", heat: " (held back by heat)" }[report.held_back] ?? "";
  facts(find("numbers"), [
    ["Camera", ...sensor("camera", `, ${report.camera.rate_hz.toFixed(1)} fps`)],
    ["Microphone", ...sensor("microphone", "")],
    ["Hub", ...hub],
    ["Events waiting", mqtt.queued || mqtt.dropped ? `${mqtt.queued}, ${mqtt.dropped} lost` : "none"],
    ["Looked at", report.looked_hz === null || settings.camera !== "ok" ? null : `${report.looked_hz.toFixed(1)} frames/s${held}`],
    ["Frames dropped", String(report.camera.dropped)],
    ["Latency", report.latency_p50_ms === null ? "–" : `${Math.round(report.latency_p50_ms)} ms, at worst ${Math.round(report.latency_p95_ms)} ms`],
    ["CPU", `${Math.round(report.cpu_share * 100)} % of a core`],
    ["Memory", `${Math.round(report.rss_bytes / 1e6)} MB`],
    ["Temperature", report.temperature_c === null ? null : `${Math.round(report.temperature_c)} °C`],
    ["Clock", report.clock_synchronized === false ? "not synchronised" : null, "bad"],
    ["Running for", lasted(report.uptime_s)],
  ]);
}

function sensor(name, rate) {
  const state = settings[name];
  const now = report[name];
  const same = now.state === state;  // the report is older than the state
  const more = !same ? "" : state === "ok" ? rate : now.reason ? `: ${now.reason}` : "";
  return [`${MARKS[state] ?? ""}${state}${more}`, state === "ok" ? "good" : state === "down" ? "bad" : ""];
}

function lasted(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`;
}

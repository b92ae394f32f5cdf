// Plots of a sweep: scatter plots of the first aim against all others, and parallel coordinates; each fades what the other drops.
"use strict";
(() => {
  const root = getComputedStyle(document.documentElement);
  const colour = (name) => root.getPropertyValue(name).trim();
  const common = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("--ink"), size: 12 },
    margin: { l: 64, r: 16, t: 12, b: 48 },
  };
  const options = { responsive: true, displayModeBar: false };
  const groups = [
    { name: "beaten", keep: (p) => p.by !== null, color: colour("--line"), size: 7 },
    { name: "worth having", keep: (p) => p.by === null, color: colour("--accent"), size: 10 },
  ];
  const parts = groups.map((g) => SWEEP.points.filter(g.keep));
  const axis = (name) => ({
    title: { text: SWEEP.titles[name] }, gridcolor: colour("--line"), zeroline: false,
    type: SWEEP.log.includes(name) ? "log" : "linear",
  });
  for (const name of SWEEP.plots) {
    const traces = groups.map((g, k) => ({
      type: "scatter", mode: "markers", name: g.name, text: parts[k].map((p) => p.told), hoverinfo: "text",
      x: parts[k].map((p) => p.figures[name]), y: parts[k].map((p) => p.figures[SWEEP.y]),
      marker: { color: g.color, size: g.size, line: { color: colour("--muted"), width: 0.5 } },
      customdata: parts[k].map((p) => p.number),
    }));
    const layout = {
      ...common, xaxis: axis(name), yaxis: axis(SWEEP.y), dragmode: "select", showlegend: true,
      legend: { orientation: "h", y: 1.08, x: 0 },
    };
    const plot = document.getElementById(`plot-${name}`);
    Plotly.newPlot(plot, traces, layout, options);
    plot.on("plotly_selected", (event) => {
      drawLines(event && event.points.length ? new Set(event.points.map((p) => p.customdata)) : null);
    });
    plot.on("plotly_deselect", () => drawLines(null));
  }
  const lines = document.getElementById("lines");
  let shown = SWEEP.points;
  const dimensions = () => SWEEP.columns.map((c) => ({
    label: c.title, values: shown.map((p) => (c.texts ? c.texts.indexOf(p.values[c.name]) : p.values[c.name])),
    ...(c.texts ? { tickvals: c.texts.map((_, k) => k), ticktext: c.texts } : {}),
  }));
  function drawLines(numbers) {
    shown = numbers === null ? SWEEP.points : SWEEP.points.filter((p) => numbers.has(p.number));
    const line = {
      color: shown.map((p) => (p.by === null ? 1 : 0)), cmin: 0, cmax: 1,
      colorscale: [[0, colour("--line")], [1, colour("--accent")]],
    };
    Plotly.react(lines, [{ type: "parcoords", line, dimensions: dimensions() }], {
      ...common, margin: { l: 48, r: 48, t: 48, b: 16 },
    }, options);
  }
  drawLines(null);
  lines.on("plotly_restyle", () => {
    const ranges = lines.data[0].dimensions.map((d) => d.constraintrange);
    const within = (value, range) =>
      !range || (Array.isArray(range[0]) ? range : [range]).some(([a, b]) => value >= a && value <= b);
    const kept = new Set(shown.filter((_, k) => lines.data[0].dimensions.every((d, i) => within(d.values[k], ranges[i])))
      .map((p) => p.number));
    for (const name of SWEEP.plots) {
      const opacity = parts.map((part) => part.map((p) => (kept.has(p.number) ? 1 : 0.12)));
      Plotly.restyle(`plot-${name}`, { "marker.opacity": opacity });
    }
  });
  // A plot that was drawn before its panel had its width.
  new ResizeObserver(() => {
    for (const plot of document.querySelectorAll(".plot")) Plotly.Plots.resize(plot);
  }).observe(document.body);
  document.documentElement.dataset.drawn = String(SWEEP.points.length);
})();

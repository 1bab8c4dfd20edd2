/* Draws the numbers of a report. The table below says the same; without this file there is only the table. */
"use strict";

(() => {
  const place = document.getElementById("chart");
  const source = document.getElementById("chart-data");
  if (!place || !source || !window.uPlot) return;
  const chart = JSON.parse(source.textContent);
  /* Told apart by how dark they are too, and named in the legend. */
  const COLOURS = ["--accent", "--notice", "--control"];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const lang = document.documentElement.lang;
  const plain = new Intl.NumberFormat(lang);
  const money = chart.unit && new Intl.NumberFormat(lang, { style: "currency", currency: chart.unit });
  const short =
    chart.unit &&
    new Intl.NumberFormat(lang, { style: "currency", currency: chart.unit, maximumFractionDigits: 0 });
  const exact = (value) => (value == null ? "" : (money || plain).format(value));
  const rough = (value) => (short || plain).format(value);

  /* Each series on top of those before it; the tallest is drawn first, so that the others stand in front. */
  const stacks = [];
  chart.series.forEach((series, at) => {
    stacks.push(series.values.map((value, n) => value + (at ? stacks[at - 1][n] : 0)));
  });
  const order = chart.series.map((_, at) => at).reverse();

  const drawn = (at) => {
    const hue = colour(COLOURS[at % COLOURS.length]);
    const shape =
      chart.kind === "line"
        ? { width: 2, points: { show: true, size: 7, fill: hue } }
        : { width: 1, fill: hue, points: { show: false }, paths: uPlot.paths.bars({ size: [0.6, 64] }) };
    return {
      label: chart.series[at].name,
      stroke: hue,
      value: (self, shown, series, index) => (index == null ? "–" : exact(chart.series[at].values[index])),
      ...shape,
    };
  };

  const options = (width) => {
    const text = colour("--muted");
    const grid = colour("--line");
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const room = width / chart.labels.length;
    const slanted = room < 84;
    /* As many labels as there is room for. */
    const every = Math.max(1, Math.ceil(18 / room));
    return {
      width,
      height: 272,
      padding: [12, 12, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { show: chart.kind === "line" }, y: false },
      legend: { live: true, isolate: false },
      scales: {
        x: { time: false, range: [-0.5, chart.labels.length - 0.5] },
        y: { range: (self, low, high) => [Math.min(0, low * 1.1), Math.max(high * 1.1, chart.unit ? 1 : 4)] },
      },
      axes: [
        {
          stroke: text,
          font,
          grid: { show: false },
          ticks: { show: false },
          splits: () => chart.labels.map((_, n) => n),
          values: (self, splits) => splits.map((n) => (n % every ? "" : chart.labels[n])),
          rotate: slanted ? 40 : 0,
          size: slanted ? 84 : 32,
        },
        {
          stroke: text,
          font,
          grid: { stroke: grid, width: 1 },
          ticks: { show: false },
          values: (self, splits) => splits.map((value) => (chart.unit || Number.isInteger(value) ? rough(value) : "")),
          size: chart.unit ? 72 : 48,
        },
      ],
      series: [
        { label: chart.head, value: (self, index) => (index == null ? "" : chart.labels[Math.round(index)] || "") },
        ...order.map(drawn),
      ],
    };
  };

  let plot = null;
  const draw = () => {
    if (plot) plot.destroy();
    const numbers = [chart.labels.map((_, n) => n), ...order.map((at) => stacks[at])];
    plot = new uPlot(options(place.clientWidth), numbers, place);
  };

  let width = 0;
  const fit = () => {
    if (place.clientWidth === width || !place.clientWidth) return;
    width = place.clientWidth;
    draw();
  };
  new ResizeObserver(fit).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  /* Letters are measured when the drawing is made, and the font may still be on its way. */
  document.fonts.ready.then(() => plot && draw());
  fit();
})();

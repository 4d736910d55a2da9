// Draws the charts of a page on canvas; the table beside each says the same, with the same links.
const look = getComputedStyle(document.documentElement);
const tone = (name) => look.getPropertyValue(name).trim();

const COLOURS = ["--data-1", "--data-2", "--dot-warn"];

/** A chart of one series, or of several that share its labels. */
const seriesOf = (data) => data.series ?? [{ name: "", values: data.values, words: data.words, hrefs: data.hrefs }];

function options(data) {
  const ink = { color: tone("--ink-3"), fontFamily: tone("--sans") };
  const names = { type: "category", data: data.labels, axisTick: { show: false }, axisLine: { lineStyle: { color: tone("--line-strong") } }, axisLabel: ink };
  const amounts = { type: "value", minInterval: 1, splitLine: { lineStyle: { color: tone("--line-soft") } }, axisLabel: { ...ink, formatter: short, hideOverlap: true } };
  const across = { ...names, inverse: true, axisLabel: { ...ink, fontSize: 11, interval: 0, width: 96, overflow: "truncate" } };
  const drawn = seriesOf(data);
  const many = drawn.length > 1;
  return {
    animation: false,
    grid: { left: 8, right: 20, top: 16, bottom: 8, containLabel: true },
    xAxis: data.over_time ? names : amounts,
    yAxis: data.over_time ? amounts : across,
    tooltip: {
      renderMode: "richText", // the HTML one would need inline styles
      trigger: "axis",
      backgroundColor: tone("--raised"),
      borderColor: tone("--line"),
      textStyle: { color: tone("--ink"), fontFamily: ink.fontFamily, fontSize: 13 },
      formatter: (points) => [data.labels[points[0].dataIndex], ...points.map(said)].join(many ? "\n" : "  "),
    },
    series: drawn.map((each, n) => ({
      name: each.name,
      type: many && data.over_time ? "line" : "bar",
      data: each.values,
      barMaxWidth: 20,
      barGap: "10%",
      symbolSize: 6,
      itemStyle: { color: tone(COLOURS[n % COLOURS.length]), borderRadius: 3 },
    })),
  };

  function said({ seriesIndex, dataIndex }) {
    const { name, words } = drawn[seriesIndex];
    return name ? `${name}  ${words[dataIndex]}` : words[dataIndex];
  }
}

function short(value) {
  return new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" }).format(value);
}

for (const place of document.querySelectorAll("[data-chart]")) {
  const data = JSON.parse(place.dataset.chart);
  const chart = window.echarts.init(place, null, { renderer: "canvas" });
  chart.setOption(options(data));
  chart.on("click", ({ seriesIndex, dataIndex }) => {
    const href = seriesOf(data)[seriesIndex].hrefs[dataIndex];
    if (href) location.assign(href);
  });
  new ResizeObserver(() => chart.resize()).observe(place);
  new MutationObserver(() => chart.setOption(options(data), true)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

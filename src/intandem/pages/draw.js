// Unpacks plotly.js and draws every figure in its place; below 640 pixels with the layout that is meant for telephones.
"use strict";
(async () => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  try {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (one) => one.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  } catch (error) {
    for (const place of document.querySelectorAll(".chart")) {
      place.className = "missing-charts";
      place.textContent = "This browser is too old to draw the chart.";
    }
    return;
  }
  const narrow = window.matchMedia("(max-width: 640px)");
  const layoutOf = (figure) => {
    const layout = structuredClone(figure.layout);
    const changes = narrow.matches ? Object.entries((layout.meta || {}).narrow || {}) : [];
    for (const [path, value] of changes) {
      const steps = path.split(".");
      const last = steps.pop();
      let place = layout;
      for (const step of steps) place = place[step] ??= {};
      place[last] = value;
    }
    return layout;
  };
  const draw = () => {
    for (const [place, figure] of Object.entries(figures)) {
      Plotly.react(place, figure.data, layoutOf(figure), {responsive: true, displayModeBar: false});
    }
  };
  draw();
  narrow.addEventListener("change", draw);
})();
